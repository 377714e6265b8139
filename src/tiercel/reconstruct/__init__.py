"""What happened: processes, acts and alerts, and the views of them."""
