"""What a stack costs a month, computed from the resources that a preview names."""
