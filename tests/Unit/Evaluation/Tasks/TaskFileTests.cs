using System.Text;
using System.Text.Json;

namespace MLNet.Gpt.Tests.Evaluation.Tasks;

public sealed class TaskFileTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    // The pairs are those of lm-evaluation-harness for the same document.
    [Theory]
    [InlineData(
        TaskLayout.HellaSwag,
        """{"ind": 24, "activity_label": "Roof", "ctx_a": "A man sits.", "ctx_b": "he IS", "endings": """
        + """["is [step] using wrap.", "starts  pulling up [title] roofing."], "label": "1"}""",
        "24", 1, "Roof: A man sits. He is", " is using wrap.", "Roof: A man sits. He is", " starts pulling up. roofing.")]
    [InlineData(
        TaskLayout.Arc,
        """{"id": "M_1", "question": "Which?", "choices": {"text": ["dry palms", "wet palms"], "label": ["A", "B"]}, "answerKey": "B"}""",
        "M_1", 1, "Question: Which?\nAnswer:", " dry palms", "Question: Which?\nAnswer:", " wet palms")]
    [InlineData(
        TaskLayout.Arc,
        """{"id": "n", "question": "Which?", "choices": {"text": ["dry", "wet"], "label": ["1", "2"]}, "answerKey": "1"}""",
        "n", 0, "Question: Which?\nAnswer:", " dry", "Question: Which?\nAnswer:", " wet")]
    [InlineData(
        TaskLayout.Arc,
        """{"id": "n", "question": {"stem": "Which?", "choices": [{"text": "dry", "label": "A"}, {"text": "wet", "label": "B"}]}, """
        + """ "answerKey": "2"}""",
        "n", 1, "Question: Which?\nAnswer:", " dry", "Question: Which?\nAnswer:", " wet")]
    [InlineData(
        TaskLayout.Arc,
        """{"id": "o", "question_stem": "The sun is", "choices": {"text": ["hot", "cold"], "label": ["A", "B"]}, "answerKey": " A "}""",
        "o", 0, "The sun is", " hot", "The sun is", " cold")]
    [InlineData(
        TaskLayout.Piqa, """{"goal": "Open a jar", "sol1": "Twist.", "sol2": "Push.", "label": 0}""",
        "1", 0, "Question: Open a jar\nAnswer:", " Twist.", "Question: Open a jar\nAnswer:", " Push.")]
    [InlineData(
        TaskLayout.Winogrande,
        """{"qID": "q", "sentence": "Sarah beat Maria so _ won. ", "option1": "Sarah", "option2": "Maria", "answer": "1"}""",
        "q", 0, "Sarah beat Maria so Sarah", " won.", "Sarah beat Maria so Maria", " won.")]
    [InlineData(
        TaskLayout.Blimp, """{"sentence_good": "Who sleeps?", "sentence_bad": "Who sleep?", "UID": "agreement", "pairID": "7"}""",
        "agreement/7", 0, "", " Who sleeps?", "", " Who sleep?")]
    [InlineData(
        TaskLayout.Harness, """{"query": "2 + 2 =", "choices": ["3", "4"], "gold": 1}""", "1", 1, "2 + 2 =", " 3", "2 + 2 =", " 4")]
    [InlineData(
        TaskLayout.Harness, """{"doc_id": 5, "arguments": [["a", " b"], ["a", " c"]], "target": "1"}""", "5", 1, "a", " b", "a", " c")]
    [InlineData(
        TaskLayout.Harness,
        """{"doc_id": 5, "target": 0, "arguments": {"gen_args_0": {"arg_0": "a", "arg_1": " b"}, """
        + """ "gen_args_1": {"arg_0": "d", "arg_1": " b"}}}""",
        "5", 0, "a", " b", "d", " b")]
    [InlineData(
        TaskLayout.Questions, """{"name": "mine", "context": "a", "choices": ["b", "c"], "answer": 1, "delimiter": ""}""",
        "mine", 1, "a", "b", "a", "c")]
    [InlineData(
        TaskLayout.Questions, """{"contexts": ["a", "b"], "continuation": " c"}""", "1", null, "a", " c", "b", " c")]
    [InlineData(TaskLayout.Questions, """{"good": "a", "bad": "b"}""", "1", 0, "", " a", "", " b")]
    public void A_layout_is_recognized_and_read(
        TaskLayout layout, string line, string name, int? answer,
        string context1, string continuation1, string context2, string continuation2)
    {
        string path = Write(line);
        Assert.Equal(layout, TaskFile.DetectLayout(path));
        var question = Assert.Single(TaskFile.Read(path, cancellationToken: Cancellation));
        Assert.Equal(
            (name, answer, TaskKind.MultipleChoice, 2), (question.Name, question.Answer, question.Kind, question.Choices.Count));
        Assert.Equal((context1, continuation1), (question.Choices[0].Context, question.Choices[0].Continuation));
        Assert.Equal((context2, continuation2), (question.Choices[1].Context, question.Choices[1].Continuation));
        AssertSame([question], TaskFile.Read(path, layout, Cancellation));
    }

    [Fact]
    public async Task The_last_word_and_texts_are_read()
    {
        string path = Write("""{"text": "a whale, said the mate"}""");
        var word = Assert.Single(await TaskFile.ReadAsync(path, cancellationToken: Cancellation));
        var choice = word.Choices[0];
        Assert.Equal((TaskKind.Completion, "a whale, said the", " mate"), (word.Kind, choice.Context, choice.Continuation));
        var text = Assert.Single(TaskFile.Read(Write("""{"page": " = Whales = \n"}"""), cancellationToken: Cancellation));
        Assert.Equal((TaskKind.Text, " = Whales = \n"), (text.Kind, text.Choices[0].Text));
        Assert.Equal(TaskLayout.Questions, TaskFile.DetectLayout(Write("""{"document": "Call me"}""")));
    }

    [Fact]
    public void Files_of_llama_cpp_are_read()
    {
        string path = Write("Roof: A man is\n2\none\ntwo\nthree\nfour\nSea: A whale is\n0\na\nb\nc\nd\n");
        Assert.Equal(TaskLayout.LlamaCppHellaSwag, TaskFile.DetectLayout(path));
        var tasks = TaskFile.Read(path, cancellationToken: Cancellation);
        Assert.Equal([2, 0], tasks.Select(task => task.Answer));
        Assert.Equal(("Sea: A whale is", " d"), (tasks[1].Choices[3].Context, tasks[1].Choices[3].Continuation));

        path = Write("0,\"Sarah beat Maria, so _ won.\",Sarah,Maria,2\n1,Ann saw _'s dog,Bo,Cy,1\n");
        Assert.Equal(TaskLayout.LlamaCppWinogrande, TaskFile.DetectLayout(path));
        tasks = TaskFile.Read(path, cancellationToken: Cancellation);
        Assert.Equal([1, 0], tasks.Select(task => task.Answer));
        Assert.Equal(("Sarah beat Maria, so Maria", " won."), (tasks[0].Choices[1].Context, tasks[0].Choices[1].Continuation));
        Assert.Equal(("Ann saw Bo", "'s dog"), (tasks[1].Choices[0].Context, tasks[1].Choices[0].Continuation));

        path = WriteMultipleChoice([("Why?", ["so", "because"], [0, 1]), ("Où ?", ["là", "ici", "non"], [1, 0, 0])]);
        Assert.Equal(TaskLayout.LlamaCppMultipleChoice, TaskFile.DetectLayout(path));
        tasks = TaskFile.Read(path, cancellationToken: Cancellation);
        Assert.Equal([1, 0], tasks.Select(task => task.Answer));
        Assert.Equal(("Où ?", " ici"), (tasks[1].Choices[1].Context, tasks[1].Choices[1].Continuation));
        byte[] bytes = File.ReadAllBytes(path);
        for (int length = 0; length < bytes.Length; length++)
        {
            File.WriteAllBytes(path, bytes[..length]);
            Assert.Throws<InvalidDataException>(() => TaskFile.Read(path, TaskLayout.LlamaCppMultipleChoice, Cancellation));
        }
    }

    [Fact]
    public void What_is_written_is_read_again()
    {
        TaskQuestion[] questions =
        [
            TaskQuestion.MultipleChoice("Who?\n\"A:", ["Ahab", "Ishmael", "é\u2028"], 1, "one"),
            TaskQuestion.MultipleChoice("", ["a", "b", "c"], null, "two", delimiter: ""),
            TaskQuestion.SameContinuation(["The cat", "The dog"], " sat.", 0, "three"),
            TaskQuestion.MinimalPair("He goes.", "He go.", "four"),
            TaskQuestion.Completion("Call me", " Ishmael", "five"),
            TaskQuestion.OfText("Loomings. \n", "six"),
        ];
        string path = Path.Combine(_folder.Path, "questions.jsonl");
        TaskFile.Write(path, questions);
        AssertSame(questions, TaskFile.Read(path, cancellationToken: Cancellation));
        Assert.Throws<ArgumentException>(() => TaskFile.Write(path, [TaskQuestion.Of([new("a", " b"), new("c", " d")], 0)]));
        AssertSame(questions, TaskFile.Read(path, cancellationToken: Cancellation));
    }

    [Theory]
    [InlineData("", "has no questions")]
    [InlineData("hello", "no known layout")]
    [InlineData("""{"a": 1}""", "its first line has the fields a")]
    [InlineData("""{"context": "a", "choices": ["b", "c"], "answer": 2}""", "line 1: 'answer' is 2; it must be a number from 0 to 1.")]
    [InlineData("""{"context": "a", "choices": ["b", "c"], "answer": -2}""", "'answer' is -2")]
    [InlineData("""{"context": "a", "choices": ["b"]}""", "'choices' is [\"b\"]; it must be a list of at least 2 texts.")]
    [InlineData("""{"context": "a", "choices": ["b", 3]}""", "'choices' is 3; it must be a text.")]
    [InlineData("""{"context": ["a"], "choices": ["b", "c"]}""", "'context' is [\"a\"]; it must be a text.")]
    [InlineData("""{"choices": ["b", "c"]}""", "The field 'context' is missing.")]
    [InlineData("""{"good": "b"}""", "The field 'bad' is missing.")]
    [InlineData("""{"good": "b", "bad": "\ud800"}""", "'bad' is \"\\ud800\"; it must be valid Unicode.")]
    [InlineData("""{"good": "b", "bad": "c", """, "line 1 is not a JSON object")]
    [InlineData("{\"good\": \"b\", \"bad\": \"c\"}\n\n[1]", "line 3 is not a JSON object")]
    [InlineData("""{"good": "b", "good": "c"}""", "line 1 is not a JSON object")]
    [InlineData("""{"sentence": "a", "option1": "b", "option2": "c", "answer": "1"}""", "a sentence with the blank '_'")]
    [InlineData("""{"sentence": "a _ b", "option1": "b", "option2": "c", "answer": "3"}""", "'answer' is \"3\"; it must be")]
    [InlineData("""{"question": "a", "choices": {"text": ["b", "c"], "label": ["A", "B"]}, "answerKey": "E"}""", "one of the labels A, B")]
    [InlineData("""{"question": "a", "choices": {"text": ["b", "c"], "label": ["A", "B", "C"]}, "answerKey": "A"}""", "2 texts and 3")]
    [InlineData("""{"arguments": [["a"]], "target": 0}""", "a pair of a context and a continuation")]
    [InlineData("a\n1\nb\nc\nd\ne\nf\n", "not a multiple of 6")]
    [InlineData("a\n1\nb\nc\nd\ne\nf\n4\na\nb\nc\nd\n", "line 8: the answer is '4'")]
    [InlineData("0,a _ b,c,d,1\n1,a b,c,d,1", "line 2: the sentence 'a b' has no blank")]
    [InlineData("0,a _ b,c,d,1\n1,a _ b,c,d,3", "line 2: the answer is '3'; it must be 1 or 2.")]
    [InlineData("0,a _ b,c,d,1\n1,a _ b,c", "line 2 is not index, sentence, option 1, option 2, answer")]
    public void An_error_names_the_file_the_line_the_field_and_the_value(string content, string expected)
    {
        string path = Write(content);
        var error = Assert.Throws<InvalidDataException>(() => TaskFile.Read(path, cancellationToken: Cancellation));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_question_without_an_answer_has_none()
    {
        string path = Write(
            """{"goal": "a", "sol1": "b", "sol2": "c", "label": -1}""" + "\n"
            + """{"goal": "a", "sol1": "b", "sol2": "c", "label": ""}""" + "\n"
            + """{"goal": "a", "sol1": "b", "sol2": "c"}""");
        Assert.All(TaskFile.Read(path, cancellationToken: Cancellation), question => Assert.Null(question.Answer));
    }

    private static void AssertSame(IEnumerable<TaskQuestion> expected, IEnumerable<TaskQuestion> actual) =>
        Assert.Equal(expected.Select(Flat), actual.Select(Flat));

    private static string Flat(TaskQuestion question) => JsonSerializer.Serialize(question);

    private string Write(string content)
    {
        string path = Path.Combine(_folder.Path, "tasks");
        File.WriteAllText(path, content);
        return path;
    }

    // The layout that tools/perplexity of llama.cpp reads.
    private string WriteMultipleChoice((string Question, string[] Choices, int[] Labels)[] tasks)
    {
        string path = Path.Combine(_folder.Path, "tasks.bin");
        using var bodies = new MemoryStream();
        using var body = new BinaryWriter(bodies);
        var positions = new List<uint>();
        foreach (var (question, choices, labels) in tasks)
        {
            positions.Add((uint)(4 + (4 * tasks.Length) + bodies.Length));
            Text(question);
            Answers(choices, labels);
            Answers([], []);
            body.Flush();
        }

        using var file = new BinaryWriter(File.Create(path));
        file.Write((uint)tasks.Length);
        foreach (uint position in positions) file.Write(position);
        file.Write(bodies.ToArray());
        return path;

        void Answers(string[] choices, int[] labels)
        {
            body.Write((uint)choices.Length);
            foreach (string choice in choices) Text(choice);
            foreach (int label in labels) body.Write(label);
        }

        void Text(string text)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            body.Write((uint)bytes.Length);
            body.Write(bytes);
        }
    }
}
