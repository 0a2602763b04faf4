"""What a trial is: parameters drawn, folds fitted, predicted and scored, pruned or not."""
