using System.Diagnostics;
using Microsoft.ML;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.TorchSharp.WithoutTorch;

/// <summary>What <see cref="TorchIsNotNeededTests"/> runs in a process in which nothing else has loaded TorchSharp.</summary>
public class NothingOfTorchIsLoadedTests
{
    public const string Variable = "MLNET_GPT_PROCESS_WITHOUT_TORCH";

    [Fact]
    public void Measuring_generating_and_training_do_not_load_torch()
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable(Variable) is null, "This is asked in a process of its own only.");
        var cancellation = TestContext.Current.CancellationToken;
        foreach (var precision in Enum.GetValues<WeightPrecision>())
        {
            using var model = GptModel.FromWeights(
                RandomWeights.Of(GptPresets.Tiny), new CountingTokenizer(61), new() { Precision = precision });
            model.Score([1, 2, 3], [2, 3, 4], [3], new TokenScore[3], cancellation);
            using var session = model.CreateSession();
            session.Append([1, 2, 3], cancellation);
            model.Step([session], [4], cancellation);
        }

        var ml = new MLContext(seed: 1);
        var rows = ml.Data.LoadFromEnumerable([new { Text = "every effort moves you toward the whale" }]);
        var trained = ml.LanguageModeling.Trainers.Gpt(new GptTrainerOptions
        {
            Config = new() { LayerCount = 1, EmbeddingWidth = 8, HeadCount = 1, ContextLength = 4 },
            Training = new() { MaxSteps = 1, BatchSize = 1 },
        }).Fit(rows);
        trained.Model.Dispose();

        Assert.DoesNotContain(AppDomain.CurrentDomain.GetAssemblies(), assembly => IsTorch(assembly.GetName().Name));
        using var process = Process.GetCurrentProcess();
        Assert.DoesNotContain(process.Modules.Cast<ProcessModule>(), module => IsTorch(module.ModuleName));
        Assert.Contains(process.Modules.Cast<ProcessModule>(), module => module.ModuleName.Contains("coreclr", StringComparison.Ordinal));
    }

    private static bool IsTorch(string? name) => name is not null
        && (name.Contains("torch", StringComparison.OrdinalIgnoreCase) || name.Contains("c10", StringComparison.OrdinalIgnoreCase));
}
