using System.Globalization;
using System.Runtime.CompilerServices;
using MLNet.Gpt;

// Arguments: a model, a text to measure, and a prompt to continue. Prints whether code can be compiled at run time, the loss and the text.
using var model = GptModel.Load(args[0], new GptModelOptions { ThreadCount = 2 });
var score = new TextScorer(model).Score(args[1]);
var text = new TextGenerator(model).Generate(args[2], new GenerationOptions { MaxTokens = 12, Temperature = 0.8, TopK = 5, Seed = 1 });

Console.WriteLine(RuntimeFeature.IsDynamicCodeSupported);
Console.WriteLine(score.CrossEntropy.ToString("R", CultureInfo.InvariantCulture));
Console.WriteLine(text.Text);
