"""Networks: the CIFAR ResNets, heads, and the momentum pair with its queue."""
