using System.Globalization;
using MLNet.Gpt.TorchSharp;
using Spectre.Console;
using TorchSharp;
using static MLNet.Gpt.Samples.LossWalkthrough.Page;

namespace MLNet.Gpt.Samples.LossWalkthrough;

/// <summary>
/// The lecture, step by step: from two short texts to cross-entropy and perplexity, computed in every run.
/// </summary>
internal sealed class LectureWalkthrough(IAnsiConsole console)
{
    private const long Seed = 123; // torch.manual_seed(123), as in the lecture

    private static readonly string[] InputTexts = ["every effort moves", "I really like"];
    private static readonly string[] TargetTexts = [" effort moves you", " really like chocolate"];

    private readonly ITextTokenizer _tokenizer = Gpt2Tokenizer.Instance;
    private readonly GptConfig _config = GptPresets.Lecture;

    public void Run()
    {
        const string Title = "[bold]The model writes text: how do we measure whether it is any good?[/]";
        console.Write(new Panel($"{Title}\nThe lecture's computation, step by step, on .NET.").RoundedBorder());
        ShowConfiguration();

        int[][] inputs = [.. InputTexts.Select(text => _tokenizer.Encode(text))];
        int[][] targets = [.. TargetTexts.Select(text => _tokenizer.Encode(text))];
        ShowInputsAndTargets(inputs, targets);
        ShowTasks(inputs[0], targets[0]);

        LossSteps steps;
        using (var network = GptModule.Create(_config, Seed))
        {
            network.eval();
            steps = ShowLoss(network, inputs, targets);
        }

        using var model = GptModel.FromWeights(WeightInitializer.Create(_config, Seed), _tokenizer);
        ShowGeneration(model);
        ShowManagedEngine(model, inputs, targets, steps);
    }

    private void ShowConfiguration()
    {
        console.Step("1", "Configuration and tokenizer");
        var grid = new Grid().AddColumn().AddColumn().AddColumn().AddColumn();
        grid.AddRow("vocabulary V", Count(_config.VocabularySize), "context T", Count(_config.ContextLength));
        grid.AddRow("width C", Count(_config.EmbeddingWidth), "heads nh", Count(_config.HeadCount));
        grid.AddRow("layers L", Count(_config.LayerCount), "parameters", Count(_config.ParameterCount));
        console.Write(grid);
    }

    private void ShowInputsAndTargets(int[][] inputs, int[][] targets)
    {
        console.Step("2", "Inputs, and targets shifted by one");
        var table = Table("row", "input tokens", "input ids", "target tokens", "target ids");
        for (int row = 0; row < inputs.Length; row++)
        {
            table.AddRow(Count(row + 1), Tokens(inputs[row]), Ids(inputs[row]), Tokens(targets[row]), Ids(targets[row]));
        }

        console.Write(table);
    }

    private void ShowTasks(int[] input, int[] target)
    {
        console.WriteLine("One row of three tokens is three prediction tasks:");
        var table = Table("the model sees", "and is to predict");
        for (int t = 0; t < input.Length; t++) table.AddRow(Tokens(input[..(t + 1)]), Tokens([target[t]]));
        console.Write(table);
    }

    private LossSteps ShowLoss(GptModule network, int[][] inputs, int[][] targets)
    {
        int batch = inputs.Length, tokens = inputs[0].Length;
        int[] flatInputs = [.. inputs.SelectMany(row => row)], flatTargets = [.. targets.SelectMany(row => row)];

        using var scope = torch.NewDisposeScope();
        using var noGradients = torch.no_grad();
        var logits = network.call(torch.tensor(flatInputs, torch.ScalarType.Int64).view(batch, tokens)); // (B, T) -> (B, T, V)
        float[] first = logits[0, 0, ..5].data<float>().ToArray();
        var steps = TorchLossSteps.Compute(logits, flatInputs, flatTargets);

        console.Step("3", "Logits → softmax → arg-max → text");
        string firstLogits = string.Join("  ", first.Select(logit => Number(logit, "F4")));
        console.WriteLine($"logits         {Shape(logits.shape)}   the first: {firstLogits} …");
        string shape = Shape(steps.ProbabilitiesShape.Select(size => (long)size));
        console.WriteLine($"probabilities  {shape}   each row of {_config.VocabularySize} adds up to 1");
        var guesses = Table("row", "arg-max ids", "as text", "the target was");
        foreach (var (row, ids) in steps.ArgMaxIds.Chunk(tokens).Index())
        {
            guesses.AddRow(Count(row + 1), Ids(ids), Markup.Escape(_tokenizer.Decode(ids)), Markup.Escape(TargetTexts[row]));
        }

        console.Write(guesses);

        console.Step("4", "The targets' probabilities → log → mean → negative = cross-entropy");
        var table = Table("target", "id", "probability", "ln p");
        for (int i = 0; i < flatTargets.Length; i++)
        {
            string id = flatTargets[i].ToString(CultureInfo.InvariantCulture);
            table.AddRow(Tokens([flatTargets[i]]), id, Scientific(steps.TargetProbabilities[i]), Number(steps.LogProbabilities[i], "F4"));
        }

        foreach (int column in (int[])[1, 2, 3]) table.Columns[column].RightAligned();
        console.Write(table);
        console.WriteLine($"mean of ln p                     {Number(steps.MeanLogProbability, "F4"),10}");
        console.MarkupLine($"cross-entropy, step by step      [bold]{Number(steps.NegativeMeanLogProbability, "F4"),10}[/]");
        string flat = $"on logits {Shape([(long)batch * tokens, _config.VocabularySize])} and targets {Shape([(long)batch * tokens])}";
        console.MarkupLine($"cross-entropy, in one call       [bold]{Number(steps.CrossEntropy, "F4"),10}[/]   {flat}");

        console.Step("5", "Perplexity = exp(cross-entropy)");
        string perplexity = $"[bold]{Number(steps.Perplexity, "F4"),10}[/]";
        console.MarkupLine($"perplexity                       {perplexity}   of a vocabulary of {_config.VocabularySize}");
        console.WriteLine(steps.Meaning);
        return steps;
    }

    private void ShowGeneration(GptModel model)
    {
        console.Step("6", "Text from the untrained model, greedily");
        const string Prompt = "Every effort moves you";
        var text = new TextGenerator(model).Generate(Prompt, new GenerationOptions { MaxTokens = 10 });
        console.MarkupLine($"{Markup.Escape(Prompt)}[yellow]{Markup.Escape(text.Text)}[/]");
    }

    // The same seed gives the same weights without libtorch; only the rounding of sums differs.
    private void ShowManagedEngine(GptModel model, int[][] inputs, int[][] targets, LossSteps steps)
    {
        console.Step("7", "The same numbers without libtorch, from the managed engine");
        var rows = new TextScorer(model).ScoreBatch(inputs, targets);
        ScoredToken[] tokens = [.. rows.SelectMany(row => row.Tokens)];
        int[] ids = [.. targets.SelectMany(row => row)];

        var table = Table("target", "probability on libtorch", "managed", "ln p on libtorch", "managed");
        for (int i = 0; i < tokens.Length; i++)
        {
            table.AddRow(
                Tokens([ids[i]]),
                Scientific(steps.TargetProbabilities[i]),
                Scientific(Math.Exp(tokens[i].LogProbability)),
                Number(steps.LogProbabilities[i], "F4"),
                Number(tokens[i].LogProbability, "F4"));
        }

        foreach (int column in (int[])[1, 2, 3, 4]) table.Columns[column].RightAligned();
        console.Write(table);
        var loss = LanguageModelMetrics.Merge(rows.Select(row => row.Metrics));
        console.WriteLine($"cross-entropy {Number(loss.CrossEntropy, "F4")}, perplexity {Number(loss.Perplexity, "F4")}");
        console.WriteLine("The first probability lies within a rounding error of 7.4540e-05 and 7.4541e-05.");
        console.WriteLine("The text of step 6 is from this engine too.");
    }

    private string Tokens(int[] ids) => Markup.Escape(string.Join(" ", ids.Select(id => $"'{_tokenizer.Decode([id])}'")));

    private static string Ids(int[] ids) => string.Join(' ', ids);

    private static string Shape(IEnumerable<long> shape) => $"({string.Join(", ", shape)})";

    private static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>Formatted like PyTorch's output: 7.4541e-05.</summary>
    private static string Scientific(double value) => value.ToString("0.0000e-00", CultureInfo.InvariantCulture);
}
