"""The model side: load, adapt with LoRA, switch states, one packed forward, generate."""

import logging


def _of_use(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Failed to load CPU gemm_4bit_forward")


# peft imports bitsandbytes wherever it is installed, which then says on processors with AVX512-BF16 that a kernel for
# inference cannot be had. It is used nowhere here (see ``precision.settle``). Nothing else of that logger is kept back.
logging.getLogger("bitsandbytes.backends.cpu.ops").addFilter(_of_use)
