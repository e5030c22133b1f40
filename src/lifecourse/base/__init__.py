"""No medicine here: errors, files, time, progress and the data language everything else stands on."""
