// Spam or not? A GPT that is fine-tuned on 852 mails, against ML.NET's FeaturizeText with a linear classifier, and against
// the same classifier on the GPT's frozen embeddings. All learn from the same mails and are tested on the same others.
// In the repository's folder, where it writes spam-roc.svg:
//   dotnet run -c Release --project samples/SpamFilter [-- --model PATH]
// Without a pretrained model, a small one is trained first. All of it takes about three minutes on 2 cores.
using System.Diagnostics;
using System.Globalization;
using MLNet.Gpt;
using MLNet.Gpt.Charts;
using MLNet.Gpt.Samples.SpamFilter;

if (args is not ([] or ["--model", _]))
{
    Console.Error.WriteLine("Usage: SpamFilter [--model PATH], where PATH is a pretrained model to fine-tune.");
    return 2;
}

string data = Path.Combine(AppContext.BaseDirectory, "Data");
var filters = new SpamFilters(Path.Combine(data, "mails"));
long start = Stopwatch.GetTimestamp();
using var model = args is [_, var path] ? GptModel.Load(path) : Pretraining.Run(filters.TrainingTexts, Path.Combine(data, "moby-dick.txt"));
Console.WriteLine(string.Create(
    CultureInfo.InvariantCulture,
    $"The GPT has {model.Config.ParameterCount:N0} parameters; {Stopwatch.GetElapsedTime(start).TotalSeconds:F0} s to train or load it."));

Filter[] results = [filters.FromWords(), filters.FromEmbeddings(model), filters.FromFineTuning(model)];
FilterTable.Print(results);
RocCurve.Save([.. results.Select(filter => new RocCurve(filter.Name, filter.Probabilities, filters.IsSpam))], "spam-roc.svg");
return 0;
