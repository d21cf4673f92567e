/* One line per op: X(name) declares fv_op_name, defined in the op file of that name (or of its family). The
 * only registration there is. */
X(conv)
X(conv_transpose)
X(batch_norm)
X(concat)
X(reshape)
X(transpose)
X(depth_to_space)
X(space_to_depth)
