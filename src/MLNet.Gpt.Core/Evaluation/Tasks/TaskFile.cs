using System.Text;
using System.Text.Json;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Evaluation.Tasks;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.IO;

namespace MLNet.Gpt;

/// <summary>Reads the questions of tasks from files, in this library's layout and in published ones, and writes them.</summary>
public static class TaskFile
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    /// <summary>Reads a file of questions.</summary>
    /// <param name="path">The file.</param>
    /// <param name="layout">Its layout; by default, the content determines it.</param>
    /// <param name="cancellationToken">Cancels reading.</param>
    /// <exception cref="InvalidDataException">
    /// The file does not have the layout, or its layout is not known; the message names the file, the line, the field and the value.
    /// </exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    public static IReadOnlyList<TaskQuestion> Read(
        string path, TaskLayout layout = TaskLayout.Detect, CancellationToken cancellationToken = default)
    {
        if (Check.Defined(layout, nameof(layout)) == TaskLayout.Detect) layout = DetectLayout(path);
        List<TaskQuestion> questions = layout switch
        {
            TaskLayout.LlamaCppMultipleChoice => LlamaCppTasks.ReadMultipleChoice(path, cancellationToken),
            TaskLayout.LlamaCppHellaSwag => LlamaCppTasks.ReadHellaSwag(path, cancellationToken),
            TaskLayout.LlamaCppWinogrande => LlamaCppTasks.ReadWinogrande(path, cancellationToken),
            _ => ReadJson(path, layout, cancellationToken),
        };
        return questions.Count > 0 ? questions : throw new InvalidDataException($"'{path}' has no questions.");
    }

    /// <summary>Reads a file of questions on the thread pool.</summary>
    /// <inheritdoc cref="Read"/>
    public static Task<IReadOnlyList<TaskQuestion>> ReadAsync(
        string path, TaskLayout layout = TaskLayout.Detect, CancellationToken cancellationToken = default) =>
        Task.Run(() => Read(path, layout, cancellationToken), cancellationToken);

    /// <summary>Returns the layout of a file, which its content determines.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">The layout is not one of the known ones.</exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    public static TaskLayout DetectLayout(string path)
    {
        if (LlamaCppTasks.IsMultipleChoice(path)) return TaskLayout.LlamaCppMultipleChoice;
        string[] start = [.. TextFile.ReadLines(path).SkipWhile(string.IsNullOrWhiteSpace).Take(6)];
        if (start.Length == 0) throw new InvalidDataException($"'{path}' has no questions.");
        if (start[0].AsSpan().TrimStart() is not ['{', ..])
        {
            return LlamaCppTasks.IsWinogrande(start[0]) ? TaskLayout.LlamaCppWinogrande
                : LlamaCppTasks.IsHellaSwag(start) ? TaskLayout.LlamaCppHellaSwag
                : throw new InvalidDataException(
                    $"'{path}' has no known layout of questions: it is neither JSON Lines nor one of llama.cpp's files.");
        }

        using var line = Parse(path, start[0], 1);
        return PublishedTasks.LayoutOf(line.RootElement) is { } layout
            ? layout
            : throw new InvalidDataException(
                $"'{path}' has no known layout of questions: its first line has the fields "
                + $"{string.Join(", ", line.RootElement.EnumerateObject().Select(each => each.Name))}.");
    }

    /// <summary>Writes questions in this library's layout, <see cref="TaskLayout.Questions"/>.</summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="questions">The questions.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, IEnumerable<TaskQuestion> questions)
    {
        using var lines = new MemoryStream();
        foreach (var question in questions)
        {
            lines.Write(JsonFileWriter.Write(json => QuestionLines.Write(json, question), indented: false));
        }

        AtomicFile.Write(path, lines.Length, stream =>
        {
            lines.Position = 0;
            lines.CopyTo(stream);
        });
    }

    private static List<TaskQuestion> ReadJson(string path, TaskLayout layout, CancellationToken cancellationToken)
    {
        var questions = new List<TaskQuestion>();
        int number = 0;
        foreach (string line in TextFile.ReadLines(path, Encoding.UTF8))
        {
            cancellationToken.ThrowIfCancellationRequested();
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            using var json = Parse(path, line, number);
            try
            {
                var reader = new QuestionReader(json.RootElement, number);
                questions.Add(layout == TaskLayout.Questions ? QuestionLines.Read(reader) : PublishedTasks.Read(reader, layout));
            }
            catch (FormatException error)
            {
                throw new InvalidDataException($"'{path}', line {number}: {error.Message}", error);
            }
        }

        return questions;
    }

    private static JsonDocument Parse(string path, string line, int number)
    {
        JsonDocument? document = null;
        try
        {
            document = JsonDocument.Parse(line, Strict);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document
                : throw new JsonException($"It contains {document.RootElement.ValueKind} instead of an object.");
        }
        catch (JsonException error)
        {
            document?.Dispose();
            throw new InvalidDataException($"'{path}', line {number} is not a JSON object: {error.Message}", error);
        }
    }
}
