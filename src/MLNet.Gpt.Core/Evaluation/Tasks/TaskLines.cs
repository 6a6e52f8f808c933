using MLNet.Gpt.Evaluation.Corpora;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Evaluation.Tasks;

/// <summary>Converts the results of questions to lines of a result file and back, to the last bit.</summary>
internal static class TaskLines
{
    public static ResultLine Of(TaskResult result) => new()
    {
        Question = new(
            result.Index, result.Name, result.Kind.ToString(),
            [.. result.Choices.Select(each => new ResultLine.ChoiceLine(
                each.LogLikelihood, each.Loss.ToExactString(), each.IsGreedy, each.CharacterCount, each.ByteCount))],
            result.Answer, result.IsRight, result.Text?.ToExactString()),
    };

    /// <exception cref="InvalidDataException">The line is damaged.</exception>
    public static TaskResult ToResult(ResultLine.QuestionLine line, int vocabularySize, string path)
    {
        try
        {
            ChoiceScore[] choices = [.. line.Choices.Select(each => new ChoiceScore(
                LossSummary.ParseExact(each.Score), each.IsGreedy, each.Characters, each.Bytes))];
            var kind = Enum.Parse<TaskKind>(line.Kind);
            if (line.Answer is { } answer && (answer < 0 || answer >= choices.Length))
            {
                throw new FormatException($"There is no choice {answer}.");
            }

            return new(
                line.Index, line.Name, kind, line.Answer, choices,
                line.Text is null ? null : LanguageModelMetrics.ParseExact(line.Text, vocabularySize));
        }
        catch (Exception error) when (error is FormatException or OverflowException or ArgumentException or NullReferenceException)
        {
            throw new InvalidDataException($"'{path}' is damaged at question {line.Index}: {error.Message}", error);
        }
    }

    /// <summary>Reads the questions of a complete file.</summary>
    public static IEnumerable<TaskResult> Read(string path)
    {
        int vocabularySize = 0;
        using var stream = ReadableFile.OpenStream(path, FileShare.ReadWrite);
        foreach (var (line, _) in ResultLines.Read(stream, path))
        {
            vocabularySize = line.Header?.VocabularySize ?? vocabularySize;
            if (line.Question is { } question) yield return ToResult(question, vocabularySize, path);
        }
    }
}
