"""Texts as numbers: tokenizers on the `tokenizers` library, the engine that the checkpoints were made with.

    folders          which files a folder holds, of which kind its tokenizer is, its special pieces
    word_pieces      vocab.txt                                   BERT, DistilBERT, ELECTRA, MPNet
    byte_pairs       vocab.json + merges.txt                     GPT-2, RoBERTa, CLIP, Whisper, Qwen
    tiktoken         base64 and rank, a line for each piece      Llama 3's and Qwen's own files
    sentence_pieces  tokenizer.model, spiece.model, ...          Llama, Gemma, T5, XLM-RoBERTa, SigLIP
    chat             conversations as texts
    tokenizer        all of them as one class
    layers           the same as layers of graph operations

A `tokenizer.json` says everything and is read first. The ids are those of transformers on every string.
"""

from hornbook_hub.tokenizers.chat import render_chat
from hornbook_hub.tokenizers.tokenizer import Tokenizer, is_pair, is_text, listed
