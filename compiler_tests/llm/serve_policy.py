"""Starts llama.cpp's own OpenAI-compatible server on a model file: ``python serve_policy.py policy.gguf PORT``.

Ends when its input ends, so that it never outlives whoever started it.
"""

from __future__ import annotations

import os
import sys

import xllamacpp


def main(model: str, port: int) -> None:
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"] if isinstance(params.hostnames, list) else "127.0.0.1"
    params.port = port
    params.n_ctx, params.n_parallel, params.cpuparams.n_threads = 8192, 4, 1
    params.warmup, params.n_gpu_layers, params.offline, params.ui = False, 0, True, False
    params.model_alias = {"policy"}
    server = xllamacpp.Server(params)
    print("READY", server.listening_address, flush=True)
    sys.stdin.read()
    os._exit(0)  # the server's threads have nothing to save


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
