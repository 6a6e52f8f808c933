namespace MLNet.Gpt;

/// <summary>Turns texts into vectors: the hidden states after the last layer norm, pooled over the text's tokens. Thread-safe.</summary>
/// <remarks>
/// <para>
/// A text longer than the context is not truncated. For the mean it is read in adjacent windows, and each token counts
/// once; the last token's state is computed from as many tokens before it as the context holds.
/// </para>
/// <para>
/// GPT-2 was trained to predict tokens, not to place texts of like meaning near each other; models that were trained
/// for that do it better. A vector depends only on the weights and the text, to the last bit: not on the other texts of
/// a call, nor on the number of threads.
/// </para>
/// </remarks>
public sealed class TextEmbedder
{
    // Enough for matrix products at full speed; bounds the memory of one call.
    private const int RowsPerCall = 512;

    private readonly GptModel _model;
    private readonly EmbeddingOptions _options;

    /// <summary>Initializes an embedder for a model.</summary>
    /// <param name="model">The model. Not owned: it must outlive the embedder.</param>
    /// <param name="options">How texts become vectors; the defaults if <see langword="null"/>.</param>
    public TextEmbedder(GptModel model, EmbeddingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        (_model, _options) = (model, options ?? new());
    }

    /// <summary>Computes the vector of a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    /// <returns>As many numbers as the embeddings are wide, C.</returns>
    /// <exception cref="ArgumentException">The text has no token.</exception>
    /// <inheritdoc cref="Embed(IReadOnlyList{int[]}, CancellationToken)" path="/exception"/>
    public float[] Embed(ReadOnlySpan<char> text, CancellationToken cancellationToken = default) =>
        Embed([Encode(text)], cancellationToken)[0];

    /// <summary>Computes the vectors of many texts, given as ids, several in each pass.</summary>
    /// <param name="texts">The ids of each text, such as those of <see cref="Encode"/>.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    /// <returns>One vector per text, each as wide as the embeddings, C.</returns>
    /// <exception cref="ArgumentException">A text has no token.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    /// <exception cref="InvalidOperationException">
    /// A number is NaN or infinite, because weights are NaN or activations overflow.
    /// </exception>
    /// <exception cref="OperationCanceledException">The computation was canceled.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public IReadOnlyList<float[]> Embed(IReadOnlyList<int[]> texts, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        int empty = texts.ToList().FindIndex(ids => ids.Length == 0);
        if (empty >= 0)
        {
            string which = texts.Count == 1 ? "The text" : FormattableString.Invariant($"Text {empty + 1}");
            throw new ArgumentException($"{which} has no token, and so no embedding.", nameof(texts));
        }

        double[][] sums = [.. texts.Select(_ => new double[_model.Config.EmbeddingWidth])];
        var waiting = new List<Window>();
        int rows = 0;
        for (int i = 0; i < texts.Count; i++)
        {
            foreach (var ids in WindowsOf(texts[i]))
            {
                if (rows + ids.Length > RowsPerCall) Run();
                waiting.Add(new(i, ids));
                rows += ids.Length;
            }
        }

        Run();
        return [.. sums.Select((sum, i) => Finish(sum, texts[i].Length))];

        void Run()
        {
            AddStates(waiting, sums, cancellationToken);
            waiting.Clear();
            rows = 0;
        }
    }

    /// <summary>Returns the ids of a text as the options read it.</summary>
    public int[] Encode(ReadOnlySpan<char> text) => _model.Tokenizer.Encode(text, _options.SpecialTokens);

    private IEnumerable<int[]> WindowsOf(int[] ids)
    {
        int context = _model.Config.ContextLength;
        return _options.Pooling == EmbeddingPooling.Last ? [ids[Math.Max(0, ids.Length - context)..]] : ids.Chunk(context);
    }

    private void AddStates(List<Window> windows, double[][] sums, CancellationToken cancellationToken)
    {
        if (windows.Count == 0) return;
        int width = _model.Config.EmbeddingWidth;
        int[] ids = [.. windows.SelectMany(window => window.Ids)], lengths = [.. windows.Select(window => window.Ids.Length)];
        float[] states = new float[checked(ids.Length * width)];
        _model.ComputeHiddenStates(ids, lengths, states, cancellationToken);
        int row = 0;
        foreach (var window in windows)
        {
            double[] sum = sums[window.Text];
            int last = row + window.Ids.Length;
            if (_options.Pooling == EmbeddingPooling.Last) row = last - 1;
            for (; row < last; row++)
            {
                for (int i = 0; i < width; i++) sum[i] += states[(row * width) + i];
            }
        }
    }

    // One token after the other in double precision, whatever their number in a pass.
    private float[] Finish(double[] sum, int tokenCount)
    {
        double divisor = _options.Pooling == EmbeddingPooling.Mean ? tokenCount : 1;
        double length = Math.Sqrt(sum.Sum(value => value / divisor * (value / divisor)));
        if (!double.IsFinite(length))
        {
            throw new InvalidOperationException("An embedding is not a number: the model's weights are NaN, or its activations overflow.");
        }

        if (_options.Normalize && length > 0) divisor *= length;
        return [.. sum.Select(value => (float)(value / divisor))];
    }

    private sealed record Window(int Text, int[] Ids);
}
