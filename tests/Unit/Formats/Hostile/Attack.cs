using System.Diagnostics;
using MLNet.Gpt.Tests.Formats.Importing;

namespace MLNet.Gpt.Tests.Formats.Hostile;

/// <summary>Opens damaged copies of a model, reads everything in them, and checks the readers' guarantees.</summary>
internal sealed class Attack : IDisposable
{
    private static readonly TimeSpan LongestRead = TimeSpan.FromSeconds(5); // usually under 1 ms, but other programs may run
    private const long MostAllocated = 8 << 20; // for models of 20 kB

    private readonly Victim _victim;
    private readonly string _folder;
    private readonly Dictionary<string, byte[]> _originals;
    private readonly Dictionary<string, float[]> _weights;
    private readonly Sizes _sizes;

    public Attack(Victim victim)
    {
        _victim = victim;
        _folder = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"mlnet-gpt-{Guid.NewGuid():N}");
        string source = ModelFixtures.Path(victim.Files[0].Name.Split('/')[0]), copy = Path.Combine(_folder, Path.GetFileName(source));
        Directory.CreateDirectory(copy);
        if (victim.Write is { } write) write(copy);
        else foreach (string file in Directory.GetFiles(source)) File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        _originals = victim.Files.ToDictionary(file => file.Name, file => File.ReadAllBytes(Path.Combine(_folder, file.Name)));
        _weights = Read(out var info);
        _sizes = SizesOf(info);
    }

    /// <summary>Copies that were accepted.</summary>
    public int Accepted { get; private set; }

    /// <summary>Accepted copies whose weights differ from the undamaged model's.</summary>
    public int Different { get; private set; }

    /// <summary>
    /// Accepted copies whose structure was damaged as well: in a way that does not matter, or so that a name or type
    /// became another valid one.
    /// </summary>
    public int Reinterpreted { get; private set; }

    /// <summary>Damages a file with a given seed, and checks the outcome.</summary>
    public void Run(int seed)
    {
        var mutator = new Mutator(seed);
        var file = _victim.Files[mutator.Next(_victim.Files.Length)];
        byte[] original = _originals[file.Name];
        var structure = file.Structure(original);
        byte[] damaged = mutator.Mutate(original, structure, out var changed);
        if (changed is not null && file.Mend is not null && mutator.Next(4) > 0) file.Mend(damaged, original);
        bool onlyWeights = changed is not null && !changed.Any(at => structure.Any(range => IsIn(range, at, original.Length)));
        Check(file, damaged, $"seed {seed}", onlyWeights ? changed!.Count : null);
    }

    /// <summary>Replaces the good file by a damaged one, and checks the outcome.</summary>
    /// <param name="file">The file.</param>
    /// <param name="damaged">Its new bytes.</param>
    /// <param name="name">For a failure's message.</param>
    /// <param name="touched">How many bytes of the weights were changed, if nothing else was.</param>
    public void Check(VictimFile file, byte[] damaged, string name, int? touched = null)
    {
        string path = Path.Combine(_folder, file.Name);
        File.WriteAllBytes(path, damaged);
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        var watch = Stopwatch.StartNew();
        try
        {
            var weights = Read(out var info);
            Accepted++;
            Assert.True(
                info.Bytes <= 2 * _originals.Values.Concat([damaged]).Sum(bytes => (long)bytes.Length) + 20_000,
                $"{name}: {info.Bytes} bytes of weights from less.");
            int differences = Differences(weights);
            if (differences > 0) Different++;
            if (differences > 0 && touched is null) Reinterpreted++;
            bool isPart = _victim.HasViews && touched is null && info.ParameterCount < _sizes.ParameterCount;
            Assert.True(SizesOf(info) == _sizes || isPart, $"{name}: taken as a model of other sizes, {info.Config}.");
            if (touched is { } bytes)
            {
                // A damaged scale changes its block.
                int most = _victim.HasChecksums ? 0 : _victim.WeightsPerBlock * bytes;
                Assert.True(differences <= most, $"{name}: {differences} weights differ after {bytes} bytes were changed.");
            }
        }
        catch (Exception error) when (error is InvalidDataException or IOException)
        {
            Assert.True(
                error is not InvalidDataException || error.Message.Contains(_folder, StringComparison.Ordinal),
                $"{name}: a message without the file: {error.Message}");
        }
        catch (Exception error) when (error is not Xunit.Sdk.IAssertionException)
        {
            Assert.Fail($"{name}, '{file.Name}': {error}");
        }
        finally
        {
            File.WriteAllBytes(path, _originals[file.Name]);
        }

        Assert.True(watch.Elapsed < LongestRead, $"{name}: reading took {watch.Elapsed}.");
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        Assert.True(allocated < MostAllocated, $"{name}: reading allocated {allocated} bytes.");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static bool IsIn(Range range, int at, int length)
    {
        var (start, count) = range.GetOffsetAndLength(length);
        return at >= start && at < start + count;
    }

    private static Sizes SizesOf(GptModelFileInfo info)
    {
        var config = info.Config;
        return new(
            config.VocabularySize, config.Rotary is null ? config.ContextLength : 0, config.EmbeddingWidth, config.LayerCount,
            config.FeedForwardWidth, config.QueryWidth, config.KeyWidth, config.HasQkvBias, config.HasTiedHead, config.ParameterCount);
    }

    private Dictionary<string, float[]> Read(out GptModelFileInfo info)
    {
        using var file = GptModelFile.Open(Path.Combine(_folder, _victim.Name), headCount: 2);
        _ = file.Tokenizer;
        var weights = new Dictionary<string, float[]>();
        foreach (var entry in WeightNames.For(file.Config))
        {
            float[] elements = new float[entry.ElementCount];
            file.Read(entry.Name, 0, elements);
            weights.Add(entry.Name, elements);
        }

        info = file.Describe();
        return weights;
    }

    private int Differences(Dictionary<string, float[]> weights) => _weights.Sum(original =>
        weights.TryGetValue(original.Key, out float[]? now) && now.Length == original.Value.Length
            ? now.AsSpan().SequenceEqual(original.Value) ? 0 : now.Zip(original.Value).Count(pair => !pair.First.Equals(pair.Second))
            : original.Value.Length);

    // What the sizes of tensors show. They do not show how many heads there are, for example, or the dropout rate.
    private readonly record struct Sizes(
        int Vocabulary, int Context, int Width, int Layers, int Inner, int Queries, int Keys, bool HasQkvBias, bool HasTiedHead,
        long ParameterCount);
}
