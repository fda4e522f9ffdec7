"""What tests are made of: the contract, tiny models, and programs that tests start."""
