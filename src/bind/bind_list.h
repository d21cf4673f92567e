/* One line per binding file: X(name) stands for src/bind/name.c, which defines fvl_open_name. It is called
 * with the module table at the top of the stack and adds its functions and classes to it. */
X(base)
X(tensor)
X(tensor_access)
X(tensor_math)
X(tensor_reduce)
X(tensor_image)
X(tensor_text)
X(file)
X(image_file)
X(cam)
X(picture)
X(onnx)
