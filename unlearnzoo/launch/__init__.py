"""Starting a run in several processes: `--launch ddp|zero1|zero2|zero3|FILE`."""
