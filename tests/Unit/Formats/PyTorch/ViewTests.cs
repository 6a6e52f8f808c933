using System.Globalization;
using System.Runtime.InteropServices;
using MLNet.Gpt.Formats.PyTorch;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Formats.PyTorch;

/// <summary>Tensors that are views of storages, in all forms that torch.save writes.</summary>
public sealed class ViewTests : IDisposable
{
    private static readonly GptConfig Config = GptPresets.Tiny with { LayerCount = 3, DropoutRate = 0 };
    private static readonly GptWeights Weights = RandomWeights.Of(Config);

    private readonly TemporaryDirectory _directory = new();
    private readonly List<View> _views = [];
    private readonly List<float[]> _storages = [];

    public ViewTests()
    {
        foreach (var entry in WeightNames.For(Config)) Add(entry.Name, [.. Weights[entry.Name]], 0, entry.Shape);
    }

    private string Model => Path.Combine(_directory.Path, "model.pth");

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(0, 9)] // a trimmed embedding keeps the removed rows in its storage
    [InlineData(9, 0)]
    [InlineData(5, 4)]
    public void A_view_may_leave_elements_of_its_storage_unused(int before, int after)
    {
        foreach (string name in (string[])[WeightNames.TokenEmbedding, WeightNames.FinalNormScale, WeightNames.Query(1)])
        {
            int index = _views.FindIndex(view => view.Name == name);
            _storages[_views[index].Storage] = [.. new float[before], .. Weights[name], .. new float[after]];
            _views[index] = _views[index] with { Offset = before };
        }

        AssertSame();
    }

    [Fact]
    public void Any_number_of_masks_may_be_one_tensor()
    {
        int mask = Storage(new float[256]);
        for (int layer = 0; layer < Config.LayerCount; layer++) _views.Add(new($"trf_blocks.{layer}.att.mask", mask, 0, [16, 16]));

        AssertSame();
    }

    [Fact]
    public void Layers_may_share_their_weights()
    {
        string[] names = [.. Enumerable.Range(0, Config.LayerCount).Select(WeightNames.AttentionOutput)];
        foreach (string name in names[1..])
        {
            Replace(name, view => view with { Storage = _views.Single(other => other.Name == names[0]).Storage });
        }

        Drop();

        using var read = Open();
        foreach (string name in names)
        {
            float[] elements = new float[Weights[name].Length];
            read.Read(name, 0, elements);
            Assert.Equal(Weights[names[0]].ToArray(), elements);
        }
    }

    [Fact]
    public void A_small_file_is_not_a_large_model()
    {
        var config = Config with { LayerCount = 40 };
        _views.Clear();
        _storages.Clear();
        int shared = Storage(new float[config.EmbeddingWidth * config.FeedForwardWidth]);
        foreach (var entry in WeightNames.For(config)) _views.Add(new(entry.Name, shared, 0, entry.Shape));
        Replace(WeightNames.TokenEmbedding, view => view with { Storage = Storage(new float[61 * 32]) });

        // Different views of one storage overlap; equal ones are counted.
        Assert.Contains("overlap", Assert.Throws<InvalidDataException>(() => Open().Dispose()).Message, StringComparison.Ordinal);
        foreach (var shape in _views.GroupBy(view => string.Join(',', view.Shape)).ToList())
        {
            int storage = Storage(new float[shape.First().Shape.Aggregate(1, (product, size) => product * size)]);
            foreach (var view in shape) Replace(view.Name, each => each with { Storage = storage });
        }

        Drop();
        Assert.Contains("16 times", Assert.Throws<InvalidDataException>(() => Open().Dispose()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Views_that_overlap_are_refused()
    {
        Replace(
            WeightNames.FinalNormShift,
            view => view with { Storage = _views.Single(other => other.Name == WeightNames.FinalNormScale).Storage, Offset = 1 });
        _storages[_views.Single(view => view.Name == WeightNames.FinalNormScale).Storage] = new float[33];
        Drop();

        Assert.Contains("overlap", Assert.Throws<InvalidDataException>(() => Open().Dispose()).Message, StringComparison.Ordinal);
    }

    private void AssertSame()
    {
        using var read = Open();
        Assert.Equal(Config, read.Config with { DropoutRate = 0 });
        foreach (var entry in WeightNames.For(Config))
        {
            float[] elements = new float[entry.ElementCount];
            read.Read(entry.Name, 0, elements);
            Assert.Equal(Weights[entry.Name].ToArray(), elements);
        }
    }

    private GptModelFile Open()
    {
        using (var stream = File.Create(Model))
        {
            var zip = new ZipWriter(stream);
            zip.Add("archive/data.pkl", Pickle());
            zip.Add("archive/byteorder", "little"u8);
            for (int i = 0; i < _storages.Count; i++)
            {
                zip.Add(string.Create(CultureInfo.InvariantCulture, $"archive/data/{i}"), MemoryMarshal.AsBytes(_storages[i].AsSpan()));
            }

            zip.Add("archive/version", "3\n"u8);
            zip.Finish();
        }

        return GptModelFile.Open(Model, Config.HeadCount);
    }

    private byte[] Pickle()
    {
        var pickle = new PickleWriter();
        pickle.Global("collections", "OrderedDict").EmptyTuple().Reduce().Mark();
        foreach (var view in _views)
        {
            pickle.Text(view.Name);
            pickle.Global("torch._utils", "_rebuild_tensor_v2").Mark().Mark().Name("storage").Global("torch", "FloatStorage")
                .Text(view.Storage.ToString(CultureInfo.InvariantCulture))
                    .Name("cpu")
                    .Number(_storages[view.Storage].Length)
                    .Tuple()
                    .Persistent();
            long[] strides = [.. view.Shape.Select((_, i) => view.Shape.Skip(i + 1).Aggregate(1L, (product, size) => product * size))];
            pickle.Number(view.Offset).Tuple([.. view.Shape.Select(size => (long)size)]).Tuple(strides).False();
            pickle.Global("collections", "OrderedDict").EmptyTuple().Reduce().Tuple().Reduce();
        }

        return pickle.SetItems().ToArray();
    }

    private void Add(string name, float[] elements, long offset, IReadOnlyList<int> shape) =>
        _views.Add(new(name, Storage(elements), offset, shape));

    private int Storage(float[] elements)
    {
        _storages.Add(elements);
        return _storages.Count - 1;
    }

    private void Replace(string name, Func<View, View> change)
    {
        int index = _views.FindIndex(view => view.Name == name);
        _views[index] = change(_views[index]);
    }

    // Storages that no view uses any longer.
    private void Drop()
    {
        var numbers = _views.Select(view => view.Storage)
            .Distinct()
            .Order()
            .Select((storage, number) => (storage, number))
            .ToDictionary(each => each.storage, each => each.number);
        float[][] used = [.. numbers.Keys.Select(storage => _storages[storage])];
        for (int i = 0; i < _views.Count; i++) _views[i] = _views[i] with { Storage = numbers[_views[i].Storage] };
        _storages.Clear();
        _storages.AddRange(used);
    }

    private sealed record View(string Name, int Storage, long Offset, IReadOnlyList<int> Shape);
}
