using System.Collections.Concurrent;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.HuggingFace;
using MLNet.Gpt.Formats.Layouts;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Formats.Importing;

/// <summary>Loads from a file whose matrices are (in, out), as Hugging Face and OpenAI write them.</summary>
public class ConcurrentLoadTests
{
    private static readonly GptConfig Config = new()
    {
        VocabularySize = 300, ContextLength = 16, EmbeddingWidth = 288, HeadCount = 3, LayerCount = 3,
        HasQkvBias = true, HasTiedHead = true,
    };

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Concurrent_loads_read_the_file_once_each(int loads)
    {
        var file = new CountedFile(Config);
        var models = new GptModel[loads];
        Thread[] threads = [.. Enumerable.Range(0, loads).Select(i => new Thread(() =>
            models[i] = GptModel.FromWeights(file.Weights, new CountingTokenizer(Config.VocabularySize), new() { ThreadCount = 2 })))];
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        Assert.Equal(loads * file.Length, file.ElementsRead);

        float[] buffer = new float[WeightNames.For(Config).Max(entry => entry.ElementCount)], expected = new float[buffer.Length];
        foreach (var model in models)
        {
            foreach (var entry in WeightNames.For(Config))
            {
                var part = buffer.AsSpan(0, (int)entry.ElementCount);
                model.Read(entry.Name, 0, part);
                file.Source.Read(entry.Name, 0, expected.AsSpan(0, part.Length));
                Assert.Equal(expected.AsSpan(0, part.Length), part);
            }

            model.Dispose();
        }
    }

    [Fact]
    public void One_thread_loads_if_one_is_requested()
    {
        var file = new CountedFile(Config);
        using var model = GptModel.FromWeights(file.Weights, new CountingTokenizer(Config.VocabularySize), new() { ThreadCount = 1 });
        Assert.Equal([Environment.CurrentManagedThreadId], file.Readers);
    }

    [Fact]
    public void Any_range_of_a_transposed_matrix_can_be_read()
    {
        var file = new CountedFile(Config);
        string name = WeightNames.Key(1);
        float[] whole = new float[288 * 288];
        file.Source.Read(name, 0, whole);
        foreach (
            var (start, count) in new[]
            {
                (0, 82944), (0, 1), (287, 1), (287, 2), (300, 50), (300, 276), (300, 900), (82000, 944), (5, 82939),
                (288, 288), (10, 0),
            })
        {
            float[] part = new float[count];
            file.Weights.Read(name, start, part);
            Assert.Equal(whole[start..(start + count)], part);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => file.Weights.Read(name, 82944, new float[1]));
    }

    [Theory]
    [InlineData(39, 3, 1)] // widths that are no multiple of a panel, of the inputs of a read, or of a group of inputs
    [InlineData(17, 1, 3)]
    [InlineData(64, 4, 2)]
    [InlineData(5, 1, 2)]
    public void Packed_weights_do_not_depend_on_the_layout_of_the_file(int width, int headCount, int threadCount)
    {
        var config = Config with { VocabularySize = 51, EmbeddingWidth = width, HeadCount = headCount, LayerCount = 2 };
        var file = new CountedFile(config);
        var tokenizer = new CountingTokenizer(config.VocabularySize);
        foreach (var precision in Enum.GetValues<WeightPrecision>())
        {
            var options = new GptModelOptions { Precision = precision, ThreadCount = threadCount };
            using var transposed = GptModel.FromWeights(file.Weights, tokenizer, options);
            using var plain = GptModel.FromWeights(file.Source, tokenizer, options);
            int[] ids = [.. Enumerable.Range(0, 16)];
            Assert.Equal(plain.ComputeLogits(ids), transposed.ComputeLogits(ids));
            foreach (var entry in WeightNames.For(config))
            {
                float[] expected = new float[entry.ElementCount], actual = new float[entry.ElementCount];
                plain.Read(entry.Name, 0, expected);
                transposed.Read(entry.Name, 0, actual);
                Assert.Equal(expected, actual);
            }
        }
    }

    [Fact]
    public void Whole_rows_of_the_file_are_read_at_once_whatever_the_parts_of_the_matrix()
    {
        var file = new CountedFile(Config);
        using var model = GptModel.FromWeights(file.Weights, new CountingTokenizer(Config.VocabularySize), new() { ThreadCount = 1 });
        Assert.InRange(file.ReaderCounts[Environment.CurrentManagedThreadId], 1, 500);
    }

    [Fact]
    public void Parts_of_a_transposed_matrix_are_read_in_any_order()
    {
        var file = new CountedFile(Config);
        string[] names = [WeightNames.Value(1), WeightNames.Query(1), WeightNames.Key(1)];
        const int First = 37, Inputs = 3, Width = 288;
        float[] actual = new float[Inputs * names.Length * Width], whole = new float[Width * Width];
        file.Weights.ReadTransposed(names, First, Inputs, actual);
        for (int part = 0; part < names.Length; part++)
        {
            file.Source.Read(names[part], 0, whole);
            for (int k = 0; k < Inputs; k++)
            {
                float[] expected = [.. Enumerable.Range(0, Width).Select(output => whole[(output * Width) + First + k])];
                Assert.Equal(expected, actual.AsSpan(((k * names.Length) + part) * Width, Width).ToArray());
            }
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => file.Weights.ReadTransposed(names, Width - 2, Inputs, actual));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Weights.ReadTransposed(names, 0, Inputs - 1, actual));
        Assert.Throws<InvalidOperationException>(() => file.Weights.ReadTransposed([WeightNames.TokenEmbedding], 0, 1, actual));
    }

    /// <summary>
    /// Weights in memory with the layout of a Hugging Face file, which count what is read and by which thread.
    /// </summary>
    private sealed class CountedFile
    {
        private long _elementsRead;

        public CountedFile(GptConfig config)
        {
            Source = RandomWeights.Of(config);
            var tensors = new Dictionary<string, FileTensor>();
            foreach (var places in HuggingFaceNames.Gpt2.Places(config).GroupBy(place => place.Tensor))
            {
                var place = places.First();
                long count = place.Shape.Aggregate(1L, (product, size) => product * size);
                float[] stored = [.. places.OrderBy(part => part.Part).SelectMany(part => Source[part.Weight].ToArray())];
                if (place.IsTransposed) stored = Transposed(stored, (int)place.Shape[1], (int)place.Shape[0]);
                tensors[place.Tensor] = new(
                    "memory", place.Tensor, TensorDataType.Float32, place.Shape, 4 * count, new CountedElements(this, stored));
                Length += count;
            }

            Weights = new("memory", config, HuggingFaceNames.Gpt2, tensors);
        }

        public GptWeights Source { get; }

        public WeightMap Weights { get; }

        public long Length { get; }

        public long ElementsRead => Interlocked.Read(ref _elementsRead);

        public ConcurrentDictionary<int, int> ReaderCounts { get; } = new();

        public IEnumerable<int> Readers => ReaderCounts.Keys;

        private static float[] Transposed(float[] source, int rows, int columns)
        {
            float[] target = new float[source.Length];
            for (int row = 0; row < rows; row++)
            {
                for (int column = 0; column < columns; column++) target[(column * rows) + row] = source[(row * columns) + column];
            }

            return target;
        }

        private sealed class CountedElements(CountedFile file, float[] elements) : ITensorElements
        {
            public void Read(long start, Span<float> destination)
            {
                Interlocked.Add(ref file._elementsRead, destination.Length);
                file.ReaderCounts.AddOrUpdate(Environment.CurrentManagedThreadId, 1, (_, count) => count + 1);
                elements.AsSpan((int)start, destination.Length).CopyTo(destination);
            }
        }
    }
}
