/* One line per binding file: X(name) stands for src/bind/name.c, which defines fvl_open_name. It is called
 * with the module table at the top of the stack and adds its functions and classes to it. */
X(base)
X(tensor)
X(file)
X(image_file)
X(tensor_access)
X(tensor_math)
X(cam)
X(picture)
X(onnx)
