"""The model side: load, adapt with LoRA, switch states, one packed forward, generate."""
