using System.Globalization;
using MLNet.Gpt.Benchmarks.Measurement;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using Spectre.Console;
using TorchSharp;

namespace MLNet.Gpt.Benchmarks;

/// <summary>
/// Only the large products of GPT-2, f32: the engine's against libtorch's <c>linear</c>, and against the machine's peak
/// in the same run.
/// </summary>
internal static unsafe class ProductBenchmark
{
    private const int Rounds = 7;
    private const int Rows = 1024; // the context of GPT-2

    public static void Run()
    {
        using var noGradients = torch.no_grad();
        foreach (var (name, outputs, depth) in ((string, int, int)[])[
            ("query, key and value", 2304, 768), ("feed-forward in", 3072, 768), ("feed-forward out", 768, 3072)])
        {
            using var input = torch.randn(Rows, depth);
            using var weight = torch.randn(outputs, depth);
            using var bias = torch.randn(outputs);
            using var product = new Product(outputs, depth);
            double operations = 2.0 * Rows * outputs * depth / 1e9;
            var rows = Comparison.Run(
                Rounds,
                new("TorchSharp, linear", operations, () => torch.nn.functional.linear(input, weight, bias).Dispose()),
                new("MLNet.Gpt", operations, product.Run),
                new("the machine's peak, on registers", MachineLimits.MultiplyAddsOfAPass / 1e9, MachineLimits.MultiplyAddPass));
            Report.Print($"{name}: {Rows} × {depth} × {outputs}", "GFLOP/s", rows);
            AnsiConsole.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"{rows[1].Median / rows[2].Median:P0} of the peak, comparing medians."));
        }
    }

    /// <summary>One packed matrix with its rows; the weights are zeros, which take as long as others.</summary>
    private sealed class Product : IDisposable
    {
        private readonly NativeArena _arena = new("a matrix and its rows");
        private readonly PackedMatrix _matrix;
        private readonly PackedVector _input, _output;
        private readonly int _outputs, _depth;

        public Product(int outputs, int depth)
        {
            (_outputs, _depth) = (outputs, depth);
            _matrix = new PackedMatrix(_arena, "product", outputs, depth, WeightPrecision.Float32, KernelSet.Best.PanelWidth);
            _input = new PackedVector(_arena, Rows * depth);
            _output = new PackedVector(_arena, Rows * outputs);
            _arena.Allocate();
        }

        public void Run() => _matrix.Multiply(
            new(KernelSet.Best, Environment.ProcessorCount), new(_input.Pointer, Rows, _depth, _depth), quantized: null,
            new StoreSink(new(_output.Pointer, Rows, _outputs, _outputs), _matrix.Bias));

        public void Dispose() => _arena.Dispose();
    }
}
