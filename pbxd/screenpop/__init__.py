"""The document that an agent gets the moment his phone rings. Pure."""
