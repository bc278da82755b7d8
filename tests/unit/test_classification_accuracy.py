"""The default model on real ImageNet photos, where they are at hand."""

from places import IMAGENET_SAMPLES

from cnnlab_core.classification.batch import classify
from cnnlab_core.images import sample_images
from cnnlab_core.models import load_model

GALLERY_LABELS = {
    "chelsea": {"tabby", "tiger cat", "Egyptian cat"},
    "coffee": {"espresso", "cup", "coffee mug"},
    "rocket": {"missile", "projectile"},
    "motorcycle": {"moped", "motor scooter"},
    "grace_hopper": {"academic gown", "mortarboard", "military uniform"},
}


def test_the_default_model_is_right_on_four_of_five_photos(note, monkeypatch):
    monkeypatch.setenv("CNNLAB_DEVICE", "cpu")
    photos = sorted(IMAGENET_SAMPLES.glob("*.JPEG"))
    if photos:
        truth = [{photo.stem.split("_", 1)[1].replace("_", " ")} for photo in photos]
        files = [(photo.name, photo.read_bytes()) for photo in photos]
    else:
        truth = list(GALLERY_LABELS.values())
        files = [(name, sample_images()[name].content) for name in GALLERY_LABELS]
        note(f"not run: top-1 on 100 ImageNet photos, because {IMAGENET_SAMPLES} isn't there; the gallery stood in")
    answers = classify(load_model("efficientnet_lite0"), files)
    right = sum(answer.best[0].label in labels for answer, labels in zip(answers, truth, strict=True))
    among_five = sum(
        any(guess.label in labels for guess in answer.best) for answer, labels in zip(answers, truth, strict=True)
    )
    top1, top5 = right / len(files), among_five / len(files)
    note(f"efficientnet_lite0 on {len(files)} photos: top-1 {top1:.0%}, top-5 {top5:.0%}")
    assert top1 >= 0.8
