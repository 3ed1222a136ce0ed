"""Other people's networks as implementations; each library is imported only when it is used."""
