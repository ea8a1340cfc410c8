"""A model card: what a classifier was trained on, how, what it is worth, and how to use it.

Its head is as model hubs read it. What it says is the run's configuration, metrics and provenance.
Imports no torch.
"""

from __future__ import annotations

from collections.abc import Sequence

from cogloat.config.dataset import MARGIN
from cogloat.config.reading import dump
from cogloat.imbalance import title
from cogloat.markup import markdown
from cogloat.methods.settings import Judged
from cogloat.readers.strict_yaml import dump_yaml
from cogloat.reporting.layout import Sheet
from cogloat.results.epoch_line import duration
from cogloat.results.metrics import GROUPS, Metrics
from cogloat.results.provenance import Run
from cogloat.runs.effective import RunConfig

USE = """\
Any images, by the project that trained it:

```
python src/predict.py --model {model} --output predictions.csv photos
```

The tensors by themselves, without the project; their names are those of the modules in
`src/cogloat/models`:

```python
from safetensors.torch import load_file

tensors = load_file("{model}")
```

An image is RGB in 0..1: its shorter side scaled to {side} pixels, then a square of {size} cropped
at its centre. Per channel, {mean} is subtracted and the rest divided by {std}. The probabilities of
the classes are the softmax of the classifier's scores{scaled}.
"""
LIMITS = """\
A classifier of a reproduction, to compare with and to build on. It knows the classes below and no
others, and its probabilities are not calibrated. The numbers are of one seed, on the data set's
test images.
"""


def model_card(
    configs: Sequence[RunConfig], metrics: Metrics, provenance: Run, model: str, parameters: int
) -> str:
    """Return the card as Markdown.

    Args:
        configs: of the run's stages, in their order.
        metrics: what the classifier is worth.
        provenance: of the run.
        model: name of the file with the tensors.
        parameters: of the classifier.
    """
    config = configs[-1]
    data, tail = config.data, title(config.factor)
    name = f"{config.method} on {config.dataset}, {tail}, seed {config.seed}"
    scale = config.settings.score_scale if isinstance(config.settings, Judged) else 1
    use = USE.format(
        model=model,
        side=data.image_size if data.store is None else round(data.image_size * MARGIN),
        size=data.image_size,
        mean=list(data.mean),
        std=list(data.std),
        scaled="" if scale == 1 else f" times {scale:g}",
    )
    network = (
        f"ResNet-{config.backbone.depth} with {parameters:,} parameters, trained on "
        f"{sum(metrics.class_counts):,} images of {data.classes} classes ({tail})."
    )
    parts = [
        _head(name, metrics),
        f"# {markdown(name)}\n",
        network + "\n",
        "## Accuracy\n",
        _accuracies(metrics).markdown(),
        "## Use\n",
        use,
        "## Limits\n",
        LIMITS,
        "## Classes\n",
        _classes(metrics).markdown(),
        "## Training\n",
        _stages(configs, provenance).markdown(),
        *(_settings(config) for config in configs),
        "## Provenance\n",
        _hashes(provenance).markdown(),
    ]
    return "\n".join(parts)


def _head(name: str, metrics: Metrics) -> str:
    """Return what a model hub reads: the task, and the accuracy as a fraction."""
    result = {
        "task": {"type": "image-classification"},
        "dataset": {"name": metrics.dataset, "type": metrics.dataset},
        "metrics": [{"type": "accuracy", "value": round(metrics.accuracy / 100, 6)}],
    }
    own = {
        "pipeline_tag": "image-classification",
        "tags": ["long-tailed", metrics.method],
        "model-index": [{"name": name, "results": [result]}],
    }
    return f"---\n{dump_yaml(own)}---\n"


def _accuracies(metrics: Metrics) -> Sheet:
    of_groups = [
        (f"mean over the {metrics.group_sizes[group]} classes with {group} training images", value)
        for group in GROUPS
        if (value := getattr(metrics, group)) is not None
    ]
    epoch = f"at the best epoch, {metrics.best_epoch}, by the {metrics.judged_by} images"
    every = [("all test images", metrics.accuracy), *of_groups, (epoch, metrics.best_accuracy)]
    rows = [[what, f"{value:.2f}"] for what, value in every]
    legend = "In percent; the file has the weights after the last epoch, not those of the best."
    return Sheet(["Test accuracy", "%"], rows, legend)


def _classes(metrics: Metrics) -> Sheet:
    every = zip(metrics.classes, metrics.class_counts, metrics.per_class, strict=True)
    rows = [
        [str(label), name, str(count), f"{value:.2f}"]
        for label, (name, count, value) in enumerate(every)
    ]
    heads = ["Label", "Class", "Training images", "Test accuracy (%)"]
    return Sheet(heads, rows, "By label, in the order of the classifier's scores.")


def _stages(configs: Sequence[RunConfig], provenance: Run) -> Sheet:
    rows = [
        [
            stage.stage,
            f"{config.method}, {config.settings.objective}",
            str(stage.epochs),
            ", ".join(stage.augmentations),
            "; ".join(dict.fromkeys(process.device for process in stage.processes)),
            "; ".join(dict.fromkeys(process.precision for process in stage.processes)),
            duration(stage.seconds),
        ]
        for config, stage in zip(configs, provenance.stages, strict=True)
    ]
    heads = ["Stage", "Method and objective", "Epochs", "Augmentation", "Device", "Precision"]
    return Sheet([*heads, "Time"], rows, "In their order; the last one trained the classifier.")


def _settings(config: RunConfig) -> str:
    return f"All settings of `{config.name}`:\n\n```json\n{dump(config.settings)}```\n"


def _hashes(provenance: Run) -> Sheet:
    stages = [(stage.stage, stage.identity) for stage in provenance.stages]
    every = [*stages, ("evaluate", provenance.evaluation.identity)]
    rows = [[step, *pair] for step, own in every for pair in own.items()]
    versions = provenance.stages[-1].processes[-1].versions
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    legend = f"SHA-256 of what each step was made of, or its value. Software: {told}."
    return Sheet(["Step", "What", "SHA-256 or value"], rows, legend)
