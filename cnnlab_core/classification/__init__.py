"""What logits say: softmax, the most probable classes, and a batch of pictures."""
