# Setup hook of words: where its list is.
export WORDS=@out@/share/words/all.txt
