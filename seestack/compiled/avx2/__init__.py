"""The loops of `seestack.compiled`, built for processors with AVX2."""
