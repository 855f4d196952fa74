(function(){"use strict";
var every=Number(document.body.dataset.refresh||5)*1000,last="";
// A place that is found again in the next page: what can be reached by key, counted below the nearest name.
var REACHED="a[href],button,input,summary,[tabindex]";
function below(id){return(id&&document.getElementById(id))||document.querySelector("main")}
function list(what,root){return Array.prototype.slice.call(root.querySelectorAll(what))}
function place(at){
 if(!at||!at.closest("main"))return null;
 if(at.id)return{id:at.id,at:-1};
 var owner=at.closest("[id]");return{id:owner.id,at:list(REACHED,owner).indexOf(at)};
}
function keep(){
 var open={};list("details[id]",document).forEach(function(d){open[d.id]=d.open});
 var find=document.getElementById("find"),bad=document.getElementById("bad");
 return{open:open,x:window.scrollX,y:window.scrollY,focus:place(document.activeElement),aside:list(".scroll",document).map(function(one){return one.scrollLeft}),find:find&&find.value,bad:bad&&bad.checked};
}
function put(was){
 list("details[id]",document).forEach(function(d){if(d.id in was.open)d.open=was.open[d.id]});
 var find=document.getElementById("find"),bad=document.getElementById("bad");
 if(find&&was.find)find.value=was.find;if(bad&&was.bad)bad.checked=true;
 window.tlsVerifyReady();
 list(".scroll",document).forEach(function(one,index){one.scrollLeft=was.aside[index]||0});
 if(was.focus){var root=below(was.focus.id),at=was.focus.at<0?root:list(REACHED,root)[was.focus.at];if(at)at.focus({preventScroll:true})}
 window.scrollTo(was.x,was.y);
}
function say(text){var fresh=document.getElementById("fresh");if(fresh)fresh.textContent=text}
function look(){
 var selection=window.getSelection();
 if(document.hidden||(selection&&!selection.isCollapsed)){setTimeout(look,1000);return}
 fetch(location.pathname,{cache:"no-store"}).then(function(answer){
  if(!answer.ok)throw new Error(answer.status);return answer.text();
 }).then(function(text){
  if(text!==last){
   last=text;
   var next=new DOMParser().parseFromString(text,"text/html"),main=next.querySelector("main"),top=next.querySelector(".top");
   if(main){
    var was=keep();document.title=next.title;
    document.querySelector("main").replaceChildren.apply(document.querySelector("main"),Array.prototype.slice.call(document.adoptNode(main).childNodes));
    if(top)document.querySelector(".top").replaceWith(document.adoptNode(top));
    put(was);
   }
  }
  setTimeout(look,every);
 }).catch(function(){say("The watch does not answer: what stands here is from the last round that was read.");setTimeout(look,every)});
}
setTimeout(look,every);
})();
