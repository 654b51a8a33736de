"""Models of known sizes, built without weights: as many parameters as their names say, and LoRA where it belongs."""

import pytest

from tests.support.published import PUBLISHED, folder_of
from unlearnzoo.models import preflight
from unlearnzoo.models.checkpoint import configuration, without_weights


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_model_of_published_sizes_has_the_parameters_of_its_name(name, tmp_path):
    import torch

    from tests.support.families import FAMILIES

    published = PUBLISHED[name]
    if missing := FAMILIES[published.family].missing():
        pytest.skip(missing)
    model = without_weights(configuration(name, str(folder_of(name, tmp_path))), torch.bfloat16, False)
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(published.billions * 1e9, rel=0.03)
    language, projector = published.layers
    assert preflight.parts(model).linears == {"language": language, "projector": projector, "head": 1}
