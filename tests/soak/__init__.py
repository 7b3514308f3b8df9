"""The proof that nothing is lost and nothing done twice: replicas under a tormentor, and a checker that asks others."""
