namespace MLNet.Gpt.Evaluation.Reports;

/// <summary>
/// The fixed parts of a report's page. The script has no character that XML would take for markup, so that a page is well-formed
/// as both.
/// </summary>
internal static class ReportPage
{
    public const string Style = """
        :root { color-scheme: light dark; --ink: #1c1e21; --paper: #fdfdfc; --quiet: #5c6169; --line: #d4d6da; --card: #f1f2f4;
          --first: #1f5fa8; --second: #b8430f; --third: #3b7a2a; --fourth: #7a3b9b; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e8e8e5; --paper: #17191c; --quiet: #a4aab2; --line: #3b4046; --card: #22252a;
          --first: #7fb2ee; --second: #f0915f; --third: #8fd07a; --fourth: #cfa0ec; } }
        body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem; margin: 2rem auto 8rem;
          padding: 0 1rem; }
        h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
        h3 { font-size: 1rem; margin: 1.6rem 0 .3rem; overflow-wrap: anywhere; }
        .wide { overflow-x: auto; }
        table { border-collapse: collapse; }
        td, th { text-align: right; padding: .2rem 1.1rem .2rem 0; font-variant-numeric: tabular-nums; }
        td:first-child, th:first-child { text-align: left; overflow-wrap: anywhere; min-width: 9rem; }
        th, .figures td:first-child { white-space: nowrap; }
        th { color: var(--quiet); font-weight: normal; border-bottom: 1px solid var(--line); }
        th button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
        th button::after { content: " \2195"; opacity: .5; }
        th[aria-sort=ascending] button::after { content: " \2191"; opacity: 1; }
        th[aria-sort=descending] button::after { content: " \2193"; opacity: 1; }
        .text { font: 15px/1.9 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
        .text span, .key span { background: rgb(220 80 30 / calc(.75 * var(--s))); border-radius: 2px; }
        .key span { display: inline-block; padding: 0 .6rem; color: var(--ink); }
        .text .first { background: none; }
        .text .high, .key .high { text-decoration: underline dotted; text-underline-offset: 3px; }
        .text .break::before { content: "\21B5"; opacity: .45; } .text .part::before { content: "\25CC"; opacity: .6; }
        .text span:hover, .text .here { outline: 2px solid var(--ink); }
        .text:focus-visible, button:focus-visible, a:focus-visible { outline: 2px solid var(--first); outline-offset: 3px; }
        #card { position: fixed; right: 1rem; bottom: 1rem; max-width: min(26rem, calc(100vw - 4rem)); max-height: 45vh;
          overflow: auto; margin: 0; padding: .6rem .9rem; white-space: pre-wrap; font: 14px/1.45 ui-monospace, monospace;
          background: var(--card); border: 1px solid var(--line); border-radius: 6px; box-shadow: 0 2px 10px rgb(0 0 0 / .25); }
        #card:empty { display: none; }
        .quiet { color: var(--quiet); }
        svg { display: block; max-width: 100%; height: auto; overflow: visible; font: 13px system-ui, sans-serif; fill: var(--ink); }
        svg text { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }
        @media (max-width: 40rem) { svg { font-size: 20px; } }
        .grid { stroke: var(--line); } .bar { fill: var(--first); } .mark { stroke: var(--quiet); stroke-dasharray: 4 3; }
        .series { fill: none; stroke: var(--first); stroke-width: 2; } .s1 { stroke: var(--second); stroke-dasharray: 7 3; }
        .interval { stroke-dasharray: none; stroke-width: 1.5; } .dot { fill: var(--first); } .d1 { fill: var(--second); }
        .s2 { stroke: var(--third); stroke-dasharray: 2 3; } .s3 { stroke: var(--fourth); stroke-dasharray: 9 3 2 3; }
        """;

    // Sorting, and a card for the token under the pointer or, with the arrow keys, the keyboard. Without it, the titles
    // show the same.
    public const string Script = """
        document.querySelectorAll('table.sortable').forEach(function (table) {
          var heads = Array.from(table.tHead.rows[0].cells);
          heads.forEach(function (head, column) {
            var button = document.createElement('button');
            button.type = 'button';
            while (head.firstChild) button.appendChild(head.firstChild);
            head.appendChild(button);
            button.addEventListener('click', function () {
              var up = head.getAttribute('aria-sort') === 'descending';
              heads.forEach(function (other) { other.removeAttribute('aria-sort'); });
              head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
              var key = function (row) {
                var v = row.cells[column].dataset.v;
                return column === 0 ? row.cells[0].textContent : v === undefined ? Number.NEGATIVE_INFINITY : Number(v);
              };
              Array.from(table.tBodies[0].rows).sort(function (a, b) {
                var x = key(a), y = key(b), order = x === y ? 0 : x > y ? 1 : -1;
                return up ? order : -order;
              }).forEach(function (row) { table.tBodies[0].appendChild(row); });
            });
          });
        });
        var card = document.getElementById('card'), here = null;
        function show(token) {
          if (here) here.classList.remove('here');
          here = token;
          card.textContent = token ? token.dataset.hint : '';
          if (token) token.classList.add('here');
        }
        document.querySelectorAll('.text').forEach(function (text) {
          Array.from(text.children).forEach(function (token) { token.dataset.hint = token.title; token.removeAttribute('title'); });
          text.tabIndex = 0;
          text.addEventListener('mouseover', function (event) { if (event.target !== text) show(event.target); });
          text.addEventListener('mouseleave', function () { show(null); });
          text.addEventListener('blur', function () { show(null); });
          text.addEventListener('keydown', function (event) {
            var next = event.key === 'ArrowRight' ? (here ? here.nextElementSibling : text.firstElementChild)
              : event.key === 'ArrowLeft' ? (here ? here.previousElementSibling : text.lastElementChild) : undefined;
            if (event.key === 'Escape') show(null);
            if (!next) return;
            event.preventDefault();
            show(next);
            next.scrollIntoView({ block: 'nearest' });
          });
        });
        """;
}
