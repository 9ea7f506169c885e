from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from veriscope.train.fit import fit  # noqa: E402
from veriscope.train.recipes import edge_image  # noqa: E402
from veriscope.train.recipes.edge_image import COUNT, FOLDED, WINDOW, EdgeImage, Spectra  # noqa: E402


def test_the_transform_inside_is_the_fourier_transform() -> None:
    spectra = Spectra()
    window = torch.rand(WINDOW, WINDOW) * 10
    hann = 0.5 - 0.5 * torch.cos(2 * torch.pi * (torch.arange(WINDOW) + 0.5) / WINDOW)
    power = torch.fft.fft2(window * hann[:, None] * hann).abs() ** 2
    expected = torch.log(power[:FOLDED, :FOLDED] + 1)
    expected += torch.log(torch.roll(power.flip(0), 1, 0)[:FOLDED, :FOLDED] + 1)
    tiled = window.repeat(3, 3).expand(1, 4, 3 * WINDOW, 3 * WINDOW)
    found = spectra._log_power(tiled)
    assert torch.allclose(found[0, 0], expected / 2, atol=1e-3)


def test_counts_what_it_measures() -> None:
    with torch.no_grad():
        found = Spectra()(torch.rand(2, 3, 224, 224) * 255)
    assert found.shape == (2, COUNT)
    assert bool(torch.isfinite(found).all())


def test_two_steps_leave_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    recipe = EdgeImage()
    recipe.folder = tmp_path
    np.savez(
        tmp_path / "edge-image.npz",
        statistics=rng.normal(size=(40, COUNT)).astype(np.float32),
        features=np.zeros((40, 3), np.float32),
        labels=(np.arange(40) % 2).astype(np.float32),
        held=np.arange(40) % 4 < 2,
    )
    monkeypatch.setattr(edge_image, "teacher_logits", lambda rows: np.linspace(-2, 2, len(rows)).astype(np.float32))
    best = fit(recipe, tmp_path, tmp_path / "run", steps=2, validate_every=1, progress=lambda _: None)
    module = recipe.module()
    module.load_state_dict(torch.load(best, weights_only=True))
    logits = module.eval()(recipe.example()[0])
    assert logits.shape == (2,)
