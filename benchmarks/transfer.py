"""Features of photos: extracted with all that belongs to it against bare forward passes, and read back from disk."""

import os
import tempfile

from benchmarks.measure import Row, medians_ms


def measure() -> list[Row]:
    import torch

    from cnnlab_core.models import load_model
    from cnnlab_core.transfer import draw, open_collection
    from cnnlab_core.transfer.extraction import extract

    torch.set_num_threads(1)
    model = load_model("efficientnet_lite0")
    drawn = draw(open_collection("shapes"), 12)
    items = drawn.train[:32]
    x = [torch.cat([model.prepare(item.picture()) for item in items[i : i + 4]]) for i in range(0, 32, 4)]

    def bare() -> None:
        with torch.no_grad():
            for batch in x:
                model(batch)

    with tempfile.TemporaryDirectory() as folder:
        os.environ["CNNLAB_CACHE"] = folder
        turns = iter(range(1000))

        def anew() -> None:
            os.environ["CNNLAB_CACHE"] = f"{folder}/{next(turns)}"
            extract(model, items)

        def again() -> None:
            os.environ["CNNLAB_CACHE"] = folder
            extract(model, items)

        again()
        first, plain, second = medians_ms(anew, bare, again, repeats=7)
    return [
        Row("features of 32 photos, prepared and kept", first, "bare forward passes", plain, "ms"),
        Row("the same from disk", second, "bare forward passes", plain, "ms"),
    ]
