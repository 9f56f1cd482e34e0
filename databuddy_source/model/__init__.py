"""What is true, whoever asks: windows, query types, reports."""
