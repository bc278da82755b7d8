"""Weights of timm's networks, by name: what the lab makes of a file answers as timm's own network does."""

import pytest
import timm
import torch
from own_files import seeded, torch_saved

from cnnlab_core.attacks import fgsm
from cnnlab_core.errors import InputError, LabError, WeightsError
from cnnlab_core.models import layer_table
from cnnlab_core.models.own import Pixels, own_from_file, timm_networks
from cnnlab_core.models.own import architectures as shapes

CPU = torch.device("cpu")
# fmt: off
FAMILIES = (
    "csatv2", "volo_d1_224",
    "deit_tiny_patch16_224", "mobilevit_xxs", "poolformerv2_s12", "cait_xxs24_224", "coat_tiny",
    "maxvit_pico_rw_256", "convit_tiny", "convmixer_768_32", "convnext_zepto_rms", "cpubone_nano",
    "crossvit_tiny_240", "cs3darknet_focus_s", "cspnext_tiny", "davit_tiny", "deit_tiny_distilled_patch16_224",
    "densenet121", "dla46x_c", "nf_regnet_b0", "dpn48b", "ese_vovnet19b_slim_dw", "resnet10t", "edgenext_xx_small",
    "efficientformer_l1", "efficientformerv2_s0", "mobilenetv2_035", "efficientvim_m1", "efficientvit_b0",
    "efficientvit_m0", "eva02_tiny_patch14_224", "fasternet_t0", "fastvit_t8", "mobilenetv3_small_050",
    "focalnet_tiny_srf", "gcvit_xxtiny", "ghostnet_050", "gmlp_ti16_224", "hgnetv2_b0", "hiera_tiny_224",
    "hrnet_w18_small", "iformer_t", "inception_next_atto", "inception_v3", "lcnetv2_small", "legacy_seresnet18",
    "legacy_xception", "lowformer_b0", "mambaout_femto", "mvitv2_tiny", "nest_tiny", "nextvit_small", "pit_ti_224",
    "pvt_v2_b0", "rdnet_tiny", "regnetx_002", "repghostnet_050", "repvit_m1", "res2net50_14w_8s", "resnest14d",
    "resnetv2_18", "rexnet_100", "selecsls42", "sequencer2d_s", "shvit_s1", "skresnet18", "starnet_s050",
    "swiftformer_xs", "swinv2_tiny_window8_256", "swinv2_cr_tiny_ns_224", "tiny_vit_5m_224",
    "tnt_s_legacy_patch16_224", "tresnet_m", "twins_svt_small", "visformer_tiny", "vit_tiny_patch16_224",
    "vit_tiny_r_s16_p8_224", "vit_relpos_small_patch16_224", "vitamin_small_224", "xception41",
    "xcit_nano_12_p16_224", "lambda_resnet26t", "efficientnet_blur_b0", "vit_base_patch16_siglip_224",
    "naflexvit_base_patch16_gap",
)
# fmt: on


def agree(own, network, channels=3):
    """The lab's logits, with and without folding, and timm's for the same pixels in [0, 1]."""
    side = own.spec.preprocessing.crop
    pixels = torch.rand(2, channels, side, side, generator=torch.Generator().manual_seed(1))
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in own.pixels.statistics)
    given = pixels if channels == 1 else (pixels - mean) / std
    with torch.no_grad():
        expected = network.eval()(given)
        found = [own.bare(given)]
        if channels == 3:
            found.append(own.on(CPU)(pixels))
    return all(torch.allclose(one, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max())) for one in found)


@pytest.mark.parametrize(
    ("name", "options", "side"),
    [
        ("test_convnext", {"num_classes": 5}, 160),
        ("test_efficientnet", {"num_classes": 7, "in_chans": 1}, 160),
        ("test_vit", {"img_size": 96}, 96),
        ("test_resnet", {}, 160),
        ("test_nfnet", {}, 160),  # scales that aren't made as tensors of a shape
        ("levit_128s", {"num_classes": 3}, 224),  # tables that aren't saved, two classifiers in one
        ("efficientnet_blur_b0", {}, 224),  # a filter that isn't saved
    ],
)
def test_it_answers_as_timms_own_does(name, options, side):
    network = seeded(timm.create_model(name, **options))
    own = own_from_file(torch_saved(network.state_dict()), architecture=f"timm/{name}")
    channels = options.get("in_chans", 3)
    assert (own.understood.side, own.understood.classes, own.understood.channels, own.understood.notes) == (
        side, options.get("num_classes", 1000), channels, (),
    )  # fmt: skip
    assert own.pixels.order == ("grey" if channels == 1 else "RGB")
    if channels == 3:
        assert (own.pixels.mean, own.pixels.std) == (network.pretrained_cfg["mean"], network.pretrained_cfg["std"])
    assert agree(own, network, channels)


def test_a_checkpoint_of_timms_training_says_its_name():
    network = seeded(timm.create_model("test_resnet", num_classes=4))
    state = {f"module.{name}": value for name, value in network.state_dict().items()}
    own = own_from_file(torch_saved({"epoch": 3, "arch": "test_resnet", "state_dict": state}))
    assert own.understood.architecture == "timm/test_resnet"
    assert agree(own, network)
    model = own.on(CPU)
    assert layer_table(own.spec.name)
    x = torch.rand(1, 3, 160, 160)
    assert fgsm(model, x, model(x).argmax(1), eps=8 / 255).x_adv.shape == x.shape


def test_without_its_name_the_way_is_told():
    content = torch_saved(timm.create_model("test_vit").state_dict())
    with pytest.raises(WeightsError, match="of one of timm's networks, name it, as timm/resnet18"):
        own_from_file(content)


def test_what_does_not_fit_is_said():
    content = torch_saved(timm.create_model("test_resnet").state_dict())
    with pytest.raises(WeightsError, match="aren't all of timm/test_vit"):
        own_from_file(content, architecture="timm/test_vit")
    other = torch_saved({**timm.create_model("test_resnet").state_dict(), "conv1.0.weight": torch.zeros(5, 3, 3, 3)})
    with pytest.raises(WeightsError, match="aren't those of timm/test_resnet: its layer"):
        own_from_file(other, architecture="timm/test_resnet")


@pytest.mark.parametrize(
    "name", ["hf-hub:evil/net", "hf_hub:evil/net", "local-dir:/tmp", "resnet18.a1_in1k", "../x", ""]
)
def test_only_names_of_the_packages_list_are_built(name, monkeypatch):
    monkeypatch.setattr(timm, "create_model", None)  # it would fetch, and follow, what it finds there
    content = torch_saved({"fc.weight": torch.zeros(2, 3)})
    with pytest.raises(InputError, match="There is no architecture"):
        own_from_file(content, architecture=f"timm/{name}")
    said = torch_saved({"arch": name, "state_dict": {"fc.weight": torch.zeros(2, 3)}})
    with pytest.raises(LabError):
        own_from_file(said)


def test_one_that_answers_with_no_classes_is_refused():
    network = shapes.build("timm/test_vit", 0)
    with pytest.raises(WeightsError, match="has no classifier"):
        timm_networks.head_of(network, "timm/test_vit")


def test_where_timm_is_not_installed_there_are_none(monkeypatch):
    monkeypatch.setattr(timm_networks, "find_spec", lambda name: None)
    timm_networks.names.cache_clear()
    try:
        shapes.architectures.cache_clear()
        assert not any(shapes.is_timms(name) for name in shapes.architectures())
        with pytest.raises(InputError, match="no architecture “timm/resnet18” in torchvision"):
            own_from_file(torch_saved({"fc.weight": torch.zeros(2, 3)}), architecture="timm/resnet18")
    finally:
        timm_networks.names.cache_clear()
        shapes.architectures.cache_clear()


@pytest.mark.wide
@pytest.mark.parametrize("name", FAMILIES)
def test_one_of_each_family_answers_as_timms_own(name, monkeypatch):
    for limit in ("MB", "PARAMETERS", "WORK", "ACTIVATIONS"):
        monkeypatch.setenv(f"CNNLAB_NETWORK_{limit}", "10000")
    monkeypatch.setenv("CNNLAB_NETWORK_WORK", "1000000")
    network = seeded(timm.create_model(name, num_classes=6))
    own = own_from_file(torch_saved(network.state_dict()), architecture=f"timm/{name}", pixels=Pixels())
    assert agree(own, network)
