from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the training extra is not installed")


@pytest.mark.parametrize("knows", [True, False])
def test_half_precision_only_where_the_processor_knows_it(monkeypatch: pytest.MonkeyPatch, knows: bool) -> None:
    from veriscope.train.precision import half

    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: knows)
    with half("cpu"):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if knows else torch.float32)
