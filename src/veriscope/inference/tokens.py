"""The tokenizer that comes with a text network: a ``tokenizer.json``, or the word list of a WordPiece one.

Needs the library ``tokenizers``, loaded with the first text network and not before.
"""

from __future__ import annotations

from typing import Any

from veriscope.errors import BadModel
from veriscope.inference.feeding import Feeding
from veriscope.inference.manifest import Manifest

LONGEST = 512  # tokens of a window, where neither network nor manifest says less
_PADS = ("[PAD]", "<pad>", "<PAD>")
_BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def asset_of(manifest: Manifest) -> str:
    """The key of the asset to hand to ``tokenizer``."""
    return "tokenizer" if "tokenizer" in manifest.assets else "vocabulary"


def tokenizer(f: Feeding, key: str, data: bytes) -> Any:
    """Ready for ``feeding.words``: cut into windows of the network's length, padded where that is fixed.

    Args:
        f: how the network is fed.
        key: which asset it is: ``tokenizer`` or ``vocabulary``.
        data: its bytes.

    Raises:
        BadModel: the file is no tokenizer, or lacks a token that is needed.
    """
    from tokenizers import Tokenizer

    try:
        text = data.decode("utf-8")
        made = Tokenizer.from_str(text) if key == "tokenizer" else _wordpiece(f, text)
    except BadModel:
        raise
    except Exception as exc:  # the library raises plain Exception
        raise BadModel(f"The tokenizer cannot be read: {' '.join(str(exc).split())[:200]}.") from exc
    sizes = [t.shape[1] for t in f.inputs.values() if t.shape[1] is not None]
    longest = min([*sizes, int(f.options.get("max_length", LONGEST))])
    made.enable_truncation(longest, stride=0)
    made.no_padding()
    if sizes:
        pad = next((p for p in _PADS if made.token_to_id(p) is not None), None)
        if pad is None:
            raise BadModel("The tokenizer has no token for padding, and the network wants a fixed length.")
        made.enable_padding(length=longest, pad_id=made.token_to_id(pad), pad_token=pad)
    return made


def _wordpiece(f: Feeding, text: str) -> Any:
    """BERT's tokenizer (Devlin et al., NAACL 2019) from its ``vocab.txt``, one token a line."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    ids = {word: number for number, word in enumerate(text.splitlines())}
    for word in _BERT:
        if word not in ids:
            raise BadModel(f"The vocabulary has no token {word}; of another tokenizer give tokenizer.json.")
    made = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))  # noqa: S106 - a word, no secret
    made.add_special_tokens(list(_BERT))
    made.normalizer = normalizers.BertNormalizer(lowercase=bool(f.options.get("lowercase", True)))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [(word, ids[word]) for word in ("[CLS]", "[SEP]")]
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return made
