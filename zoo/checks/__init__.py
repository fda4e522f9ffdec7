"""What users hand to a model is looked at here, once a call and outside of any graph."""
