"""Say what this Python can compute on, and that it does. `apptainer test` runs it in an image."""

import importlib

import torch

# all that the project's code imports, but torch and what comes with Python
IMPORTS = {
    *("matplotlib", "numpy", "pandas", "PIL", "pydantic", "scipy", "simpleeval", "sklearn"),
    *("threadpoolctl", "torchvision", "tqdm", "uncertainties", "yaml"),
}


def main() -> None:
    """Import what the rules import, then take a gradient on the best device there is."""
    for name in IMPORTS:
        importlib.import_module(name)
    print("imports", *sorted(IMPORTS))
    print(f"torch {torch.__version__}, built for CUDA {torch.version.cuda}")
    if torch.cuda.is_available():
        device = torch.device("cuda")
        print(f"sees {torch.cuda.device_count()} GPU: {torch.cuda.get_device_name()}")
    else:
        device = torch.device("cpu")
        print("sees no GPU: what runs here runs on the CPU (on a node that has one, give --nv)")
    images = torch.ones(2, 3, 8, 8, device=device, requires_grad=True)
    kernels = torch.ones(4, 3, 3, 3, device=device)
    (gradient,) = torch.autograd.grad(torch.nn.functional.conv2d(images, kernels).sum(), images)
    expected = 4 * 9  # an inner pixel meets every kernel at each of its places
    if gradient[0, 0, 4, 4].item() != expected:
        raise SystemExit(f"error: a convolution's gradient is wrong on {device}")
    print(f"a convolution's gradient is right on {device}")


if __name__ == "__main__":
    main()
