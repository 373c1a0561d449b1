"""``hil bench realtime``: how punctual the rig is on this machine, beside a bare loop in C."""
