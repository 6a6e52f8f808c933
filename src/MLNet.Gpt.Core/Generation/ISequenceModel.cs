
namespace MLNet.Gpt.Generation;

/// <summary>What generation needs of a model. The seam at which tests put logits of their own.</summary>
internal interface ISequenceModel
{
    int ContextLength { get; }

    ITextTokenizer Tokenizer { get; }

    ISequence Start();

    /// <summary>Appends one token to each sequence.</summary>
    void Step(ReadOnlySpan<ISequence> sequences, ReadOnlySpan<int> ids, CancellationToken cancellationToken);
}
