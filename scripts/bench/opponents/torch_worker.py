# PyTorch as a contestant; the protocol is that of scripts/bench/worker.lua.
# usage: torch_worker.py FOLDER TASK COUNT METHOD [VARIANT]
#   plain   as pytorch-grad-cam does it: hooks at the layers, one backward pass through the whole network with the
#           gradients of all weights, one forward pass for each map
#   best    as well as we know: batch normalisation folded, no gradients of weights, the front of the network without
#           autograd, one forward pass for all maps; VARIANT is the fastest of those that `variants` lists
#   variants  says which variants there are for the task and ends
import json
import os
import sys
import time

folder, task, count, method = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
variant = sys.argv[5] if len(sys.argv) > 5 else "plain"


def say(text):
    print("bench: " + text, flush=True)


VARIANTS = {"forward": "plain channels_last jit jit_channels_last", "perturb": "plain channels_last jit_channels_last"}
if method == "variants":
    say(VARIANTS.get(task, "plain channels_last"))
    sys.exit(0)

import numpy  # noqa: E402
import torch  # noqa: E402
from torch.nn import functional as F  # noqa: E402

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import torch_networks  # noqa: E402

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())))
best = method == "best"
channels_last = variant.endswith("channels_last")
case = json.load(open(folder + "/case.json"))
layers, thresholds, cross_entropy = case["layers"], case["thresholds"], case["arch"] == "nnunet"


def read_safetensors(path):
    data = numpy.memmap(path, dtype=numpy.uint8, mode="c")
    size = int(data[:8].view(numpy.uint64)[0])
    tensors = {}
    for name, entry in json.loads(data[8:8 + size].tobytes()).items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            values = data[8 + size + first:8 + size + last].view(numpy.float32).reshape(entry["shape"])
            tensors[name] = torch.from_numpy(values)
    return tensors


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, value in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [offset, offset + value.nbytes]}
        offset += value.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for value in tensors.values():
            file.write(numpy.ascontiguousarray(value, dtype=numpy.float32).tobytes())


x = torch.from_numpy(numpy.load(folder + "/input.npy"))
masks = torch.from_numpy(numpy.load(folder + "/masks.npy"))
net = torch_networks.Net(read_safetensors(folder + "/weights.safetensors"),
                         torch_networks.NETWORKS[case["network"]], fused=best).eval()
if channels_last:
    form = torch.channels_last if x.dim() == 4 else torch.channels_last_3d
    x = x.to(memory_format=form)
    make = net.make_conv
    net.make_conv = lambda *a, **k: make(*a, **k).to(memory_format=form)
if best and task != "train":
    module = net.module
    net.module = lambda name, make: module(name, lambda: make().requires_grad_(False))
results = []


def forward():
    global traced
    with torch.no_grad():
        if variant.startswith("jit"):
            if traced is None:
                net(x)
                traced = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, x)))
            results[:] = [traced(x)]
        else:
            results[:] = [net(x)]


traced = None


def spatial(t):
    return tuple(range(2, t.ndim))


def plain_maps(names, chosen):
    """One forward and one backward pass for each mask; arrays of NumPy as pytorch-grad-cam has them."""
    for mask in chosen:
        seen, gradients = {}, {}

        def tap(name, value):
            if name in names:
                seen[name] = value.cpu().detach()
                value.register_hook(lambda g: gradients.__setitem__(name, g.cpu().detach()))
            return value

        net.tap = tap
        net.zero_grad()
        loss = (net(x) * mask[None]).sum()
        loss.backward(retain_graph=True)
        for name in names:
            activation, gradient = seen[name].numpy(), gradients[name].numpy()
            weights = gradient.mean(axis=spatial(gradient), keepdims=True)
            results.append((weights * activation).sum(axis=1, keepdims=True))


def best_maps(names, chosen):
    """Autograd begins at the deepest of the layers."""
    seen = {}

    def tap(name, value):
        if name in names:
            if not seen:
                torch.set_grad_enabled(True)
                value = value.detach().requires_grad_()
            seen[name] = value
        return value

    net.tap = tap
    torch.set_grad_enabled(False)
    logits = net(x)
    torch.set_grad_enabled(True)
    wanted = [seen[name] for name in names]
    for i, mask in enumerate(chosen):
        gradients = torch.autograd.grad(logits, wanted, mask[None], retain_graph=i + 1 < len(chosen))
        with torch.no_grad():
            for activation, gradient in zip(wanted, gradients):
                results.append((gradient.mean(spatial(gradient), keepdim=True) * activation).sum(1, keepdim=True))


scale = 1


def maps(names):
    def run():
        results.clear()
        (best_maps if best else plain_maps)(names, masks[:1])
    return run


def many():
    global scale
    results.clear()
    if best:
        best_maps(layers, masks)
        return
    scale = thresholds  # one of the thresholds is run: they do not depend on each other
    for name in layers:
        plain_maps([name], masks[:1])


def occluded(index, side):
    height, width = x.shape[-2:]
    row, column = index // side % side, index % side
    image = x.clone()
    image[..., row * height // side:(row + 1) * height // side, column * width // side:(column + 1) * width // side] = 0
    return image


def perturb():
    global traced, scale
    side, scores, batch, some = 1, [], min(count, 8) if best else 1, min(count, 32)
    scale = count / some
    while side * side < count:
        side += 1
    with torch.no_grad():
        for first in range(0, some, batch):
            images = torch.cat([occluded(first + i, side) for i in range(batch)])
            if variant.startswith("jit"):
                if traced is None:
                    net(images)
                    traced = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, images)))
                logits = traced(images)
            else:
                logits = net(images)
            scores += (logits * masks[:1]).flatten(1).sum(1).tolist()
    results[:] = [numpy.array(scores[:some])]


optimiser = None
losses = []


def train():
    global optimiser
    net.train()
    images, target = x.repeat_interleave(count, 0), masks[:1].repeat_interleave(count, 0)
    if channels_last:
        images = images.contiguous(memory_format=form)
    logits = net(images)
    if cross_entropy:
        loss = F.cross_entropy(logits, (1 - target[:, 0]).long())
    else:
        loss = F.binary_cross_entropy_with_logits(logits, target)
    if optimiser is None:
        optimiser = torch.optim.Adam(net.parameters(), lr=1e-4)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    losses.append(loss.item())
    results[:] = [numpy.array(losses[:1])]


run = {"forward": forward, "map": maps([layers[0], layers[-1]]), "bottleneck": maps(layers[:1]),
       "last": maps(layers[-1:]), "many": many, "perturb": perturb, "train": train}[task]


def peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])


run()
say("ready %.6f" % time.process_time())
for line in sys.stdin:
    words = line.split()
    if words[0] == "quit":
        break
    if words[0] == "run":
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        say("%.6f %.6f" % (scale * (time.perf_counter() - wall), scale * (time.process_time() - cpu)))
    elif words[0] == "peak":
        say(str(peak()))
    elif words[0] == "save":
        arrays = [r.numpy() if torch.is_tensor(r) else r for r in results]
        write_safetensors(words[1], {"%03d" % (i + 1): numpy.ascontiguousarray(r, dtype=numpy.float32)
                                     for i, r in enumerate(arrays)})
        say("saved")
