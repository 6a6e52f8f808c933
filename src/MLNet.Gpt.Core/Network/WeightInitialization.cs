namespace MLNet.Gpt;

/// <summary>The distributions from which the weights of a new model are drawn.</summary>
public enum WeightInitialization
{
    /// <summary>
    /// <see cref="PyTorch"/> for a GPT-2 with its own head, else <see cref="Gpt2"/>. A head that shares a token embedding of unit
    /// variance would start with logits of magnitude √C or so, and with a loss far above that of guessing.
    /// </summary>
    Default,

    /// <summary>
    /// PyTorch's defaults in the order of the book: embeddings from N(0, 1), linear layers from U(−1/√in, 1/√in). With the book's seed
    /// this gives the book's model, number for number.
    /// </summary>
    PyTorch,

    /// <summary>
    /// GPT-2's: matrices and embeddings from N(0, 0.02²), biases zero, and the two projections onto the residual stream from
    /// N(0, 0.02² / 2L). Source: Radford et al. (2019), section 2.3.
    /// </summary>
    Gpt2,
}
