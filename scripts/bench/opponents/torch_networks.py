# The networks of the benchmark in PyTorch, after the definitions of lua/fovea/models and with their parameter names.
# Modules are made when they are first run. `fused` folds batch normalisation into the convolution before it.
# `tap(name, x)` sees the activation of every layer that may be explained and returns what the network goes on with.
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights


class Net(nn.Module):
    def __init__(self, weights, build, fused=False):
        super().__init__()
        self.weights, self.build, self.fused = weights, build, fused
        self.made = nn.ModuleDict()
        self.tap = lambda name, x: x

    def forward(self, x):
        return self.build(self, x)

    def module(self, name, make):
        key = name.replace(".", "/")
        if key not in self.made:
            self.made[key] = make().train(self.training)
        return self.made[key]

    def fill(self, module, name):
        with torch.no_grad():
            for leaf, value in list(module.named_parameters()) + list(module.named_buffers()):
                if f"{name}.{leaf}" in self.weights:
                    value.copy_(self.weights[f"{name}.{leaf}"])
        return module

    def make_conv(self, name, stride, dilation, groups, transposed=False, bn=None, eps=1e-5):
        weight, bias = self.weights[name + ".weight"], name + ".bias" in self.weights
        spatial, kernel = weight.dim() - 2, tuple(weight.shape[2:])
        if transposed:
            kind = nn.ConvTranspose2d if spatial == 2 else nn.ConvTranspose3d
            return self.fill(kind(weight.shape[0], weight.shape[1], kernel, stride=kernel, bias=bias), name)
        kind = nn.Conv2d if spatial == 2 else nn.Conv3d
        pad = tuple(dilation * (k - 1) // 2 for k in kernel)
        conv = self.fill(kind(weight.shape[1] * groups, weight.shape[0], kernel, stride=stride, padding=pad,
                              dilation=dilation, groups=groups, bias=bias or bn is not None), name)
        if bn is not None:
            old = conv.bias if bias else None
            w = self.weights
            conv.weight, conv.bias = fuse_conv_bn_weights(
                conv.weight, old, w[bn + ".running_mean"], w[bn + ".running_var"], eps, w[bn + ".weight"],
                w[bn + ".bias"])
        return conv

    def conv(self, name, x, stride=1, dilation=1, groups=1):
        return self.module(name, lambda: self.make_conv(name, stride, dilation, groups))(x)

    def up(self, name, x):
        return self.module(name, lambda: self.make_conv(name, 1, 1, 1, transposed=True))(x)

    def norm(self, name, x, eps=1e-5):
        channels = self.weights[name + ".weight"].shape[0]
        return self.module(name, lambda: self.fill(nn.BatchNorm2d(channels, eps=eps), name))(x)

    def conv_norm(self, conv, bn, x, eps=1e-5, stride=1, dilation=1, groups=1):
        if self.fused and not self.training:
            return self.module(conv, lambda: self.make_conv(conv, stride, dilation, groups, bn=bn, eps=eps))(x)
        return self.norm(bn, self.conv(conv, x, stride, dilation, groups), eps)

    def unit(self, scope, suffix, x, norm=True, **options):
        eps, conv = options.pop("eps", 1e-5), f"{scope}.conv{suffix}"
        y = self.conv_norm(conv, f"{scope}.bn{suffix}", x, eps, **options) if norm else self.conv(conv, x, **options)
        return self.tap(f"{scope}.relu{suffix}", F.relu(y, inplace=True))

    def block(self, scope, x, count=2, **options):
        for i in range(1, count + 1):
            x = self.unit(scope, i, x, **options)
        return x

    def dense(self, name, x):
        weight = self.weights[name + ".weight"]
        return self.module(name, lambda: self.fill(
            nn.Linear(weight.shape[1], weight.shape[0], bias=name + ".bias" in self.weights), name))(x)

    def squeeze(self, name, x):
        y = F.relu(self.dense(name + ".reduce", x.mean((2, 3))))
        gate = torch.sigmoid(self.dense(name + ".expand", y))
        return self.tap(name, x * gate[:, :, None, None])


def bilinear(x, size=None):
    return F.interpolate(x, size=size, scale_factor=None if size else 2, mode="bilinear", align_corners=False)


def unet(n, x):
    skips = []
    for level in range(1, 6):
        x = n.block(f"encoder.{level}", F.max_pool2d(x, 2) if level > 1 else x)
        skips.append(x)
    for step in range(1, 5):
        x = torch.cat([skips[4 - step], n.up(f"decoder.{step}.up", x)], 1)
        x = n.block(f"decoder.{step}", x)
    return n.conv("head", x)


def aspp(n, name, x):
    eps = 1e-3
    pool = n.unit(f"{name}.pool", "", F.adaptive_avg_pool2d(x, 1), eps=eps)
    branches = [bilinear(pool, x.shape[2:]), n.unit(f"{name}.rate1", "", x, eps=eps)]
    branches += [n.unit(f"{name}.rate{rate}", "", x, eps=eps, dilation=rate) for rate in (6, 12, 18)]
    y = n.conv_norm(f"{name}.project.conv", f"{name}.project.bn", torch.cat(branches, 1), eps)
    return n.tap(name, F.relu(y, inplace=True))


def double_unet(n, image):
    def squeezed(name, x):
        return n.squeeze(name + ".se", n.block(name, x, eps=1e-3))

    def decoder(name, x, *encoders):
        for step in range(1, 5):
            x = torch.cat([bilinear(x)] + [e[4 - step] for e in encoders], 1)
            x = squeezed(f"{name}.{step}", x)
        return x

    first, second, x = [], [], image
    for level, count in enumerate((2, 2, 4, 4, 4), 1):
        x = n.block(f"encoder1.{level}", F.max_pool2d(x, 2) if level > 1 else x, count, norm=False)
        first.append(x)
    logits1 = n.conv("head1", decoder("decoder1", aspp(n, "aspp1", x), first))
    x = image * torch.sigmoid(logits1)
    for level in range(1, 5):
        second.append(squeezed(f"encoder2.{level}", x))
        x = F.max_pool2d(second[-1], 2)
    return n.conv("head2", decoder("decoder2", aspp(n, "aspp2", x), first, second))


def r2unet(n, x):
    def recurrent(name, x):
        h = F.relu(n.conv_norm(name + ".conv", name + ".bn", x), inplace=True)
        for _ in range(2):
            h = F.relu(n.conv_norm(name + ".conv", name + ".bn", x + h), inplace=True)
        return h

    def block(name, x):
        y = n.conv(name + ".conv1x1", x)
        return n.tap(name, y + recurrent(name + ".unit2", recurrent(name + ".unit1", y)))

    skips = []
    for level in range(1, 6):
        x = block(f"encoder.{level}", F.max_pool2d(x, 2) if level > 1 else x)
        skips.append(x)
    for step in range(1, 5):
        x = n.unit(f"decoder.{step}.up", "", F.interpolate(x, scale_factor=2, mode="nearest"))
        x = block(f"decoder.{step}", torch.cat([skips[4 - step], x], 1))
    return n.conv("head", x)


def mcgunet(n, x):
    def gate(v):
        return torch.clamp(0.2 * v + 0.5, 0, 1)

    def lstm(name, sequence):
        i, f, g, o = torch.chunk(n.conv(name + ".input", sequence[0]), 4, 1)
        cell = gate(i) * torch.tanh(g)
        hidden = gate(o) * torch.tanh(cell)
        z = n.conv(name + ".input", sequence[1]) + n.conv(name + ".hidden", hidden)
        i, f, g, o = torch.chunk(z, 4, 1)
        cell = gate(f) * cell + gate(i) * torch.tanh(g)
        return n.tap(name, gate(o) * torch.tanh(cell))

    def dropout(x):
        return F.dropout(x, 0.5, n.training)

    skips = []
    for level in range(1, 4):
        skips.append(n.block(f"encoder{level}", x, 3 if level == 3 else 2, norm=False))
        x = F.max_pool2d(skips[-1], 2)
    first = n.block("dense1", x, 3, norm=False)
    second = dropout(n.block("dense2", first, norm=False))
    x = dropout(n.block("dense3", torch.cat([second, first], 1), norm=False))
    for number in (6, 7, 8):
        x = n.squeeze(f"up{number}.se", n.up(f"up{number}.conv", x))
        x = F.relu(n.norm(f"up{number}.bn", x, 1e-3), inplace=True)
        x = lstm(f"lstm{number}", [x, skips[8 - number]])
        x = n.squeeze(f"decoder{number}.se", n.block(f"decoder{number}", x, norm=False))
    return n.conv("head", n.unit("conv8", "", x, norm=False))


def m2unet(n, image):
    def unit(scope, suffix, x, activate=True, **options):
        y = n.conv_norm(f"{scope}.conv{suffix}", f"{scope}.bn{suffix}", x, **options)
        return n.tap(f"{scope}.relu{suffix}", F.relu6(y, inplace=True)) if activate else y

    def residual(scope, x, stride=1):
        y = x
        if f"{scope}.conv1.weight" in n.weights:
            y = unit(scope, 1, y)
        y = unit(scope, 2, y, stride=stride, groups=y.shape[1])
        y = n.tap(f"{scope}.bn3", unit(scope, 3, y, activate=False))
        return n.tap(f"{scope}.sum", y + x) if stride == 1 and y.shape == x.shape else y

    x, index, skips = unit("encoder.stem", "", image, stride=2), 0, []
    for count, stride in ((1, 1), (2, 2), (3, 2), (4, 2), (3, 1)):
        for i in range(count):
            index += 1
            x = residual(f"encoder.{index}", x, stride if i == 0 else 1)
        skips.append(x)
    for step in range(1, 4):
        x = residual(f"decoder.{step}", torch.cat([bilinear(x), skips[3 - step]], 1))
    return residual("decoder.4", torch.cat([bilinear(x), image], 1))


def nnunet(n, x):
    def norm(name, x):
        channels = n.weights[name + ".weight"].shape[0]
        kind = nn.InstanceNorm2d if x.dim() == 4 else nn.InstanceNorm3d
        return n.module(name, lambda: n.fill(kind(channels, affine=True), name))(x)

    def stage(scope, x, stride):
        for i in (1, 2):
            y = norm(f"{scope}.norm{i}", n.conv(f"{scope}.conv{i}", x, stride if i == 1 else 1))
            x = n.tap(f"{scope}.leaky_relu{i}", F.leaky_relu(y, 0.01, inplace=True))
        return x

    skips = []
    for level in range(1, 7):
        x = stage(f"encoder.{level}", x, 1 if level == 1 else 2)
        skips.append(x)
    for step in range(1, 6):
        x = stage(f"decoder.{step}", torch.cat([n.up(f"decoder.{step}.up", x), skips[5 - step]], 1), 1)
    return n.conv("head5", x)


NETWORKS = {"unet": unet, "double_unet": double_unet, "r2unet": r2unet, "mcgunet": mcgunet, "m2unet": m2unet,
            "nnunet": nnunet, "nnunet3d": nnunet}
