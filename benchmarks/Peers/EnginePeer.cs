using System.Globalization;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Benchmarks.Peers;

/// <summary>The library's own engine.</summary>
internal sealed class EnginePeer(GptModel model) : Peer
{
    /// <summary>Every precision that the engine has: its name ends with its bits per weight.</summary>
    public static IEnumerable<PeerKind> Kinds(ModelFiles files)
    {
        foreach (var precision in Enum.GetValues<WeightPrecision>())
        {
            string name = $"{precision}";
            int bits = int.Parse(name.AsSpan(name.AsSpan().LastIndexOfAnyExceptInRange('0', '9') + 1), CultureInfo.InvariantCulture);
            yield return new(PeerKind.OurLibrary, name, bits, () => Load(files.Safetensors, precision));
        }

        yield return new(PeerKind.OurLibrary, "Int8 of Q8_0", 8, () => Load(files.GgufQ8, WeightPrecision.Int8));
        yield return new(PeerKind.OurLibrary, "Int8 of Q6_K", 6, () => Load(files.GgufQ6K, WeightPrecision.Int8));
        yield return new(PeerKind.OurLibrary, "Int4 of Q4_K_M", 5, () => Load(files.GgufQ4KM, WeightPrecision.Int4));
    }

    public override long? BytesPerToken =>
        model.WeightBytes - ((long)model.Config.ContextLength * model.Config.EmbeddingWidth * sizeof(float)); // one position of all

    public override void Decode(int tokens)
    {
        using var session = model.CreateSession();
        int next = FirstId;
        for (int i = 0; i < tokens; i++) next = ArgMax(session.Append([next]));
    }

    public override void Prefill(int[] ids)
    {
        using var session = model.CreateSession();
        session.Append(ids);
    }

    public override double Loss(int[] ids)
    {
        int count = ids.Length - 1;
        var scores = new TokenScore[count];
        model.Score(ids.AsSpan(0, count), ids.AsSpan(1), [count], scores);
        return scores.Average(score => score.NegativeLogLikelihood);
    }

    public override void DecodeTogether(int sessions, int tokens)
    {
        var all = Enumerable.Range(0, sessions).Select(_ => model.CreateSession()).ToArray();
        int[] next = [.. Enumerable.Range(0, sessions)];
        for (int step = 0; step < tokens; step++)
        {
            model.Step(all, next);
            for (int i = 0; i < sessions; i++) next[i] = ArgMax(all[i].Logits);
        }

        foreach (var session in all) session.Dispose();
    }

    public override void Dispose() => model.Dispose();

    private static EnginePeer Load(string path, WeightPrecision precision) => new(GptModel.Load(path, new() { Precision = precision }));
}
