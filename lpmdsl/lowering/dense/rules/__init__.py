"""Rules: when they are due, their paragraphs, who meets whom, and what is written to others."""
