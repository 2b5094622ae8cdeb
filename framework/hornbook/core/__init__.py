"""What every floor above stands on: variables, symbolic tensors, the base of layers, scopes, the registry of classes."""
