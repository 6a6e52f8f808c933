using System.Text.Json;
using System.Text.RegularExpressions;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats.Metadata;

namespace MLNet.Gpt.Evaluation.Tasks;

/// <summary>The layouts in which data sets are published, with the prompts of lm-evaluation-harness for them.</summary>
internal static partial class PublishedTasks
{
    /// <summary>Returns the layout that has the fields of a line; <see langword="null"/> if none has.</summary>
    public static TaskLayout? LayoutOf(JsonElement line)
    {
        return Has("endings") && Has("activity_label") ? TaskLayout.HellaSwag
            : Has("answerKey") || (Has("question_stem") && Has("choices")) ? TaskLayout.Arc
            : Has("goal") && Has("sol1") ? TaskLayout.Piqa
            : Has("sentence") && Has("option1") ? TaskLayout.Winogrande
            : Has("sentence_good") ? TaskLayout.Blimp
            : Has("arguments") || Has("page") || (Has("query") && Has("choices")) ? TaskLayout.Harness
            : Has("document") || Has("good") || Has("choices") || Has("continuation") ? TaskLayout.Questions
            : Has("text") ? TaskLayout.Lambada
            : null;

        bool Has(string field) => line.TryGetProperty(field, out _);
    }

    /// <exception cref="FormatException">A field is missing or wrong.</exception>
    public static TaskQuestion Read(QuestionReader line, TaskLayout layout) => layout switch
    {
        TaskLayout.HellaSwag => HellaSwag(line),
        TaskLayout.Arc => Arc(line),
        TaskLayout.Piqa => TaskQuestion.MultipleChoice(
            $"Question: {line.Text("goal")}\nAnswer:", [line.Text("sol1"), line.Text("sol2")], line.Answer("label", 2), line.Name("id")),
        TaskLayout.Winogrande => Winogrande(line),
        TaskLayout.Lambada => Lambada(line),
        TaskLayout.Blimp => TaskQuestion.MinimalPair(line.Text("sentence_good"), line.Text("sentence_bad"), BlimpName(line)),
        TaskLayout.Harness => Harness(line),
        _ => throw Check.Undefined(layout, nameof(layout)),
    };

    private static TaskQuestion HellaSwag(QuestionReader line)
    {
        string context = $"{line.Text("ctx_a")} {Capitalize(line.Text("ctx_b"))}";
        string[] endings = [.. line.Texts("endings").Select(Prepare)];
        return TaskQuestion.MultipleChoice(
            Prepare($"{line.Text("activity_label")}: {context}"), endings, line.Answer("label", endings.Length), line.Name("ind"));
    }

    private static string Prepare(string text) =>
        Brackets().Replace(text.Trim().Replace(" [title]", ". ", StringComparison.Ordinal), "")
            .Replace("  ", " ", StringComparison.Ordinal);

    // Artifacts of the part of HellaSwag that comes from WikiHow.
    [GeneratedRegex(@"\[.*?\]")]
    private static partial Regex Brackets();

    // Python's str.capitalize makes the rest lowercase.
    private static string Capitalize(string text) =>
        text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..].ToLowerInvariant();

    private static TaskQuestion Arc(QuestionReader line)
    {
        // OpenBookQA, ARC as the Hugging Face Hub has it, and ARC as its authors published it.
        var question = line.Field(line.Has("question_stem") ? "question_stem" : "question");
        string context = question.ValueKind == JsonValueKind.Object ? QuestionReader.Text(Member(question, "stem"), "stem")
            : QuestionReader.Text(question, "question");
        if (!line.Has("question_stem")) context = $"Question: {context}\nAnswer:";
        var choices = question.ValueKind == JsonValueKind.Object ? Member(question, "choices") : line.Field("choices");
        string[] texts, labels;
        if (choices.ValueKind == JsonValueKind.Object)
        {
            texts = QuestionReader.Texts(Member(choices, "text"), "choices.text");
            labels = QuestionReader.Texts(Member(choices, "label"), "choices.label");
        }
        else
        {
            if (choices.ValueKind != JsonValueKind.Array) throw QuestionReader.Wrong("choices", choices, "a list or an object");
            texts = [.. choices.EnumerateArray().Select(each => QuestionReader.Text(Member(each, "text"), "choices.text"))];
            labels = [.. choices.EnumerateArray().Select(each => QuestionReader.Text(Member(each, "label"), "choices.label"))];
            if (texts.Length < 2) throw QuestionReader.Wrong("choices", choices, "a list of at least 2 choices");
        }

        if (labels.Length != texts.Length)
        {
            throw new FormatException($"'choices' has {texts.Length} texts and {labels.Length} labels.");
        }

        return TaskQuestion.MultipleChoice(context, texts, AnswerKey(line, labels), line.Name("id"));
    }

    private static int? AnswerKey(QuestionReader line, string[] labels)
    {
        if (!line.Has("answerKey")) return null;
        var value = line.Field("answerKey");
        string key = value.ValueKind == JsonValueKind.Number ? value.GetRawText() : QuestionReader.Text(value, "answerKey").Trim();
        if (key.Length == 0) return null;
        int answer = Array.IndexOf(labels, key);

        // Some files number the answers of choices that have letters, or the other way round.
        if (answer < 0 && key is [var only]) answer = char.IsAsciiDigit(only) ? only - '1' : char.ToUpperInvariant(only) - 'A';
        return answer >= 0 && answer < labels.Length
            ? answer
            : throw QuestionReader.Wrong("answerKey", value, $"one of the labels {string.Join(", ", labels)}");
    }

    private static JsonElement Member(JsonElement parent, string field) =>
        parent.ValueKind == JsonValueKind.Object && parent.Optional(field) is { } value
            ? value
            : throw new FormatException($"The field '{field}' is missing.");

    private static TaskQuestion Winogrande(QuestionReader line)
    {
        string sentence = line.Text("sentence");
        int blank = sentence.IndexOf('_', StringComparison.Ordinal);
        if (blank < 0) throw QuestionReader.Wrong("sentence", line.Field("sentence"), "a sentence with the blank '_'");
        string before = sentence[..blank], after = sentence[(blank + 1)..].Trim();
        string[] contexts = [before + line.Text("option1"), before + line.Text("option2")];
        return TaskQuestion.SameContinuation(contexts, " " + after, line.Answer("answer", 2, first: 1), line.Name("qID"));
    }

    private static TaskQuestion Lambada(QuestionReader line)
    {
        string text = line.Text("text");
        int space = text.LastIndexOf(' ');
        return space >= 0
            ? TaskQuestion.Completion(text[..space], text[space..], line.Name("id"))
            : TaskQuestion.Completion("", " " + text, line.Name("id"));
    }

    private static string BlimpName(QuestionReader line) =>
        line.Has("UID") ? $"{line.Name("UID")}/{line.Name("pairID")}" : line.Name("pairID");

    private static TaskQuestion Harness(QuestionReader line)
    {
        string name = line.Name("doc_id", "id");
        if (line.Has("page")) return TaskQuestion.OfText(line.Text("page"), name);
        if (line.Has("arguments")) return Logged(line, name);
        string[] choices = line.Texts("choices");
        return TaskQuestion.MultipleChoice(
            line.Text("query"), choices, line.Answer(line.Has("gold") ? "gold" : "label", choices.Length), name);
    }

    // A line of --log_samples: the arguments are a list of pairs, or an object of objects.
    private static TaskQuestion Logged(QuestionReader line, string name)
    {
        var arguments = line.Field("arguments");
        IEnumerable<JsonElement> pairs = arguments.ValueKind switch
        {
            JsonValueKind.Array => arguments.EnumerateArray(),
            JsonValueKind.Object => arguments.EnumerateObject().Select(each => each.Value),
            _ => throw QuestionReader.Wrong("arguments", arguments, "a list of pairs"),
        };
        TaskChoice[] choices = [.. pairs.Select(pair =>
        {
            JsonElement[] parts = pair.ValueKind switch
            {
                JsonValueKind.Array => [.. pair.EnumerateArray()],
                JsonValueKind.Object => [.. pair.EnumerateObject().Select(each => each.Value)],
                _ => [],
            };
            if (parts.Length != 2) throw QuestionReader.Wrong("arguments", pair, "a pair of a context and a continuation");
            return new TaskChoice(QuestionReader.Text(parts[0], "arguments"), QuestionReader.Text(parts[1], "arguments"));
        })];
        if (choices.Length == 0) throw QuestionReader.Wrong("arguments", arguments, "a list of at least 1 pair");
        if (choices.Length == 1) return TaskQuestion.Of(choices, null, name);

        // The target of some tasks is the text of the right choice.
        var target = line.Field("target");
        int named = target.ValueKind == JsonValueKind.String
            ? Array.FindIndex(choices, choice => choice.Text == target.GetString() || choice.Continuation == target.GetString())
            : -1;
        return TaskQuestion.Of(choices, named >= 0 ? named : line.Answer("target", choices.Length), name);
    }
}
