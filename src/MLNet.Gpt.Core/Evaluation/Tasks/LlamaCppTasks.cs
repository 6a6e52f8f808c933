using System.Globalization;
using System.Text;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Evaluation.Tasks;

/// <summary>The files that <c>llama-perplexity</c> of llama.cpp reads.</summary>
internal static class LlamaCppTasks
{
    private const int LinesPerQuestion = 6, MostChoices = 100, MostQuestions = 10_000_000;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Whether the first lines are those of a question of HellaSwag: a context, the answer, four endings.</summary>
    public static bool IsHellaSwag(IReadOnlyList<string> lines) =>
        lines.Count == LinesPerQuestion && lines[1].Trim() is ['0' or '1' or '2' or '3'];

    /// <summary>Whether a line is one of Winogrande.</summary>
    public static bool IsWinogrande(string line) => TrySplit(line, out var fields) && fields[1].Contains('_', StringComparison.Ordinal);

    /// <summary>Whether a file begins with a number of questions and as many positions that increase.</summary>
    public static bool IsMultipleChoice(string path)
    {
        using var stream = ReadableFile.OpenStream(path);
        using var reader = new BinaryReader(stream);
        if (stream.Length < 12) return false;
        long count = reader.ReadUInt32();
        if (count is 0 or > MostQuestions || 4 + (8 * count) > stream.Length) return false;
        return reader.ReadUInt32() is var first && (first == 0 || first == 4 + (4 * count)) && (count == 1 || reader.ReadUInt32() > first);
    }

    /// <summary>Reads the text file of HellaSwag: per question the context, the index of the right ending, and four endings.</summary>
    public static List<TaskQuestion> ReadHellaSwag(string path, CancellationToken cancellationToken)
    {
        var questions = new List<TaskQuestion>();
        string[] lines = [.. TextFile.ReadLines(path)];
        if (lines.Length % LinesPerQuestion != 0)
        {
            throw new InvalidDataException($"'{path}' has {lines.Length} lines, which is not a multiple of {LinesPerQuestion}.");
        }

        for (int first = 0; first < lines.Length; first += LinesPerQuestion)
        {
            cancellationToken.ThrowIfCancellationRequested();
            string answer = lines[first + 1].Trim();
            if (answer is not ['0' or '1' or '2' or '3'])
            {
                throw new InvalidDataException($"'{path}', line {first + 2}: the answer is '{answer}'; it must be from 0 to 3.");
            }

            questions.Add(TaskQuestion.MultipleChoice(
                lines[first], lines[(first + 2)..(first + LinesPerQuestion)], answer[0] - '0', NameOf((first / LinesPerQuestion) + 1)));
        }

        return questions;
    }

    /// <summary>Reads the CSV file of Winogrande: index, sentence with a blank, two options, 1 or 2.</summary>
    public static List<TaskQuestion> ReadWinogrande(string path, CancellationToken cancellationToken)
    {
        var questions = new List<TaskQuestion>();
        int number = 0;
        foreach (string line in TextFile.ReadLines(path))
        {
            cancellationToken.ThrowIfCancellationRequested();
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            if (!TrySplit(line, out string[] fields))
            {
                throw new InvalidDataException(
                    $"'{path}', line {number} is not index, sentence, option 1, option 2, answer: '{Shorten(line)}'.");
            }

            int blank = fields[1].IndexOf('_', StringComparison.Ordinal);
            if (blank < 0)
            {
                throw new InvalidDataException($"'{path}', line {number}: the sentence '{Shorten(fields[1])}' has no blank '_'.");
            }

            if (fields[4].Trim() is not ['1' or '2'])
            {
                throw new InvalidDataException($"'{path}', line {number}: the answer is '{Shorten(fields[4])}'; it must be 1 or 2.");
            }

            string before = fields[1][..blank], after = fields[1][(blank + 1)..];
            if (after.Length == 0) throw new InvalidDataException($"'{path}', line {number}: nothing follows the blank '_'.");
            int answer = fields[4].Trim()[0] - '1';
            questions.Add(TaskQuestion.SameContinuation([before + fields[2], before + fields[3]], after, answer, fields[0]));
        }

        return questions;
    }

    /// <summary>
    /// Reads the binary file of multiple choice: the number of questions, their positions, and per question its text, the choices with a
    /// single right one, and those with several, which are skipped.
    /// </summary>
    public static List<TaskQuestion> ReadMultipleChoice(string path, CancellationToken cancellationToken)
    {
        var questions = new List<TaskQuestion>();
        using var stream = ReadableFile.OpenStream(path);
        using var reader = new BinaryReader(stream);
        int number = 0;
        try
        {
            long count = reader.ReadUInt32();
            if (count > MostQuestions || 4 + (4 * count) > stream.Length)
            {
                throw new InvalidDataException($"'{path}' says that it has {count} questions, for which it is too short.");
            }

            stream.Position = 4 + (4 * count);
            for (number = 1; number <= count; number++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                string context = ReadText(reader);
                var (choices, labels) = ReadChoices(reader);
                _ = ReadChoices(reader);
                int[] right = [.. Enumerable.Range(0, labels.Length).Where(i => labels[i] == 1)];
                if (right.Length > 1) throw new FormatException($"{right.Length} choices are right; only one may be.");
                if (choices.Length < 2) throw new FormatException($"the number of choices is {choices.Length}; it must be at least 2.");
                questions.Add(TaskQuestion.MultipleChoice(context, choices, right.Length == 1 ? right[0] : null, NameOf(number)));
            }
        }
        catch (Exception error) when (error is EndOfStreamException or FormatException or DecoderFallbackException)
        {
            string what = error is EndOfStreamException ? "the file ends" : error.Message;
            throw new InvalidDataException($"'{path}', question {number}: {what}", error);
        }

        return questions;
    }

    private static (string[] Choices, int[] Labels) ReadChoices(BinaryReader reader)
    {
        uint count = reader.ReadUInt32();
        if (count > MostChoices) throw new FormatException($"the number of choices is {count}; it must be at most {MostChoices}.");
        string[] choices = new string[count];
        for (int i = 0; i < choices.Length; i++) choices[i] = ReadText(reader);
        int[] labels = new int[count];
        for (int i = 0; i < labels.Length; i++) labels[i] = reader.ReadInt32();
        return (choices, labels);
    }

    private static string ReadText(BinaryReader reader)
    {
        uint length = reader.ReadUInt32();
        if (length > reader.BaseStream.Length - reader.BaseStream.Position) throw new EndOfStreamException();
        return Utf8.GetString(reader.ReadBytes((int)length));
    }

    // As llama.cpp splits: at the first four commas outside quotation marks. A sentence in quotation marks loses them.
    private static bool TrySplit(string line, out string[] fields)
    {
        fields = new string[5];
        int count = 0, start = 0;
        bool isQuoted = false;
        for (int i = 0; i < line.Length && count < 4; i++)
        {
            if (line[i] == '"') isQuoted = !isQuoted;
            if (line[i] != ',' || isQuoted) continue;
            fields[count++] = line[start..i];
            start = i + 1;
        }

        fields[4] = line[start..];
        if (count == 4 && fields[1] is ['"', .., '"'] quoted) fields[1] = quoted[1..^1];
        return count == 4;
    }

    private static string NameOf(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Shorten(string text) => text.Length <= 60 ? text : text[..60] + "…";
}
